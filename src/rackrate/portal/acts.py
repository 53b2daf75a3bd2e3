"""What the verbs of the audit log mean, in words for people."""

from collections.abc import Mapping

from rackrate.core.access import Verb
from rackrate.portal.messages import msg

VERB_NAMES: Mapping[str, str] = {
    Verb.FLEET_READ: msg("look at the fleet"),
    Verb.FLEET_WRITE: msg("change the fleet"),
    Verb.CATALOGUE_READ: msg("use own tokens and the catalogue"),
    Verb.CATALOGUE_WRITE: msg("change catalogue or prices"),
    Verb.CUSTOMER_READ: msg("look at a customer"),
    Verb.CUSTOMER_WRITE: msg("change a customer"),
    Verb.MEMBER_READ: msg("look at members"),
    Verb.MEMBER_WRITE: msg("change members"),
    Verb.PROJECT_READ: msg("look at a project"),
    Verb.PROJECT_WRITE: msg("change a project"),
    Verb.KEY_WRITE: msg("change SSH keys"),
    Verb.TOKEN_WRITE: msg("change tokens of others"),
    Verb.CONTRACT_READ: msg("look at a contract"),
    Verb.CONTRACT_WRITE: msg("sign a contract"),
    Verb.QUOTE_READ: msg("look at a quote"),
    Verb.QUOTE_WRITE: msg("make, extend or withdraw a quote"),
    Verb.QUOTE_SIGN: msg("sign a quote"),
    Verb.QUOTE_APPROVE: msg("approve a discount"),
    Verb.DELIVERY_ACCEPT: msg("accept a delivery"),
    Verb.LEASE_READ: msg("look at a lease"),
    Verb.LEASE_WRITE: msg("start, stop or end a lease"),
    Verb.LEASE_ENTER: msg("enter a lease"),
    Verb.INVOICE_READ: msg("look at an invoice"),
    Verb.INVOICE_WRITE: msg("close a month or post a payment"),
    Verb.LEDGER_READ: msg("look at the books"),
    Verb.CHANNEL_READ: msg("look at channels and notifications"),
    Verb.BUDGET_WRITE: msg("set budgets"),
    Verb.CHANNEL_WRITE: msg("change channels, or send again"),
    Verb.ADDRESS_WRITE: msg("take or give back an address"),
    Verb.READING_WRITE: msg("report what was read at a meter"),
    Verb.AUDIT_READ: msg("look at the audit log"),
    Verb.SYSTEM_WRITE: msg("change the seller of record"),
}
