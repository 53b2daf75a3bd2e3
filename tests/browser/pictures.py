"""The pictures of the README, taken anew: python -m tests.browser.pictures"""

from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser.cloud import cloud, served
from tests.browser.conftest import CHROMIUM, FLAGS, Site, sign_in

IMAGES = Path(__file__).parents[2] / "docs" / "images"
OWNER = "owner@robotics.example"
# Name, who looks, page, theme, language, size.
PICTURES = (
    ("fleet-light-en", "admin", "/fleet?node=north-h20-007", "light", "en", "wide"),
    ("overview-dark-zh", "admin", "/", "dark", "zh", "wide"),
    ("start-light-en", OWNER, "/", "light", "en", "wide"),
    ("lease-light-en", "admin", "/leases/{sweep}", "light", "en", "wide"),
    (
        "invoice-light-en",
        "owner@robotics.example",
        "/invoices/EX-2026-000004",
        "light",
        "en",
        "wide",
    ),
    ("contract-light-en", "admin", "/contracts/robotics-2026", "light", "en", "wide"),
    ("leases-light-zh", "admin", "/leases?state=all", "light", "zh", "wide"),
    ("home-dark-en-390", OWNER, "/", "dark", "en", "small"),
)


def main() -> None:
    made = cloud()
    IMAGES.mkdir(parents=True, exist_ok=True)
    with served(made) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for name, who, path, theme, language, size in PICTURES:
            visitor = sign_in(Site(made, url), browser, who, size)
            address = path.format_map(made.leases)
            joint = "&" if "?" in address else "?"
            visitor.open(f"{address}{joint}theme={theme}&lang={language}")
            visitor.page.wait_for_load_state("networkidle")
            visitor.page.screenshot(path=IMAGES / f"{name}.png")
            visitor.context.close()
        browser.close()


if __name__ == "__main__":
    main()
