"""The files of an operator: read strictly, shown as changes, applied as one."""

from rackrate.app.manifest.applying import Applied, apply, apply_rows
from rackrate.app.manifest.changes import Action, Change, FieldChange, plan_changes
from rackrate.app.manifest.documents.reading import Declarations, Declared, read
from rackrate.app.manifest.local import Detected, DetectedGpu, local_site_manifest

__all__ = [
    "Action",
    "Applied",
    "Change",
    "Declarations",
    "Declared",
    "Detected",
    "DetectedGpu",
    "FieldChange",
    "apply",
    "apply_rows",
    "local_site_manifest",
    "plan_changes",
    "read",
]
