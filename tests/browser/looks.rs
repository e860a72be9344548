//! Pictures of every page, for people to look at, and what can be checked of their looks without any.

use crate::scripts::{log_in, open};
use harness::{Stack, chromium::Chromium};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Where the pictures are.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("pages")
}

/// Widths and heights of a phone and of a desktop.
const SCREENS: [(&str, u32, u32); 2] = [("phone", 360, 740), ("desktop", 1280, 800)];

/// Pages that need nobody who is logged in, and the one that does.
const PAGES: [&str; 12] = [
    "login",
    "register",
    "forgot",
    "confirm?flow=x&code=7H2K-9QXD&for=invite",
    "nothing",
    "playground",
    "account",
    "security",
    "console",
    "console?view=users",
    "console?view=keys",
    "console?view=audit",
];

async fn look_at(browser: &Chromium, width: u32, height: u32, scheme: &str) {
    let screen = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
    browser.command("Emulation.setDeviceMetricsOverride", screen).await;
    // Without motion, a picture is not of something half-way.
    let features = [("prefers-color-scheme", scheme), ("prefers-reduced-motion", "reduce")];
    let features = features.map(|(name, value)| json!({ "name": name, "value": value }));
    let features = json!({ "features": features });
    browser.command("Emulation.setEmulatedMedia", features).await;
}

#[tokio::test]
async fn every_page_has_its_picture_and_fits_the_narrowest_screen() {
    let stack = Stack::any().auth("AUTH_LOGIN_CODE", "on").auth("AUTH_PLAYGROUND", "http://localhost:1").unlimited();
    let stack = stack.start_auth().await;
    let admin = stack.admin().await;
    let browser = Chromium::start().await;
    let mut is_known = false;
    for page in PAGES {
        if page == "account" && !is_known {
            open(&browser, &stack.auth).await;
            log_in(&browser, &admin.email, &admin.password).await;
            is_known = true;
        }
        let (path, sign) = (page, if page.contains('?') { '&' } else { '?' });
        let name = page.split_once("view=").map_or(page.split('?').next().unwrap_or(page), |(_, view)| view);
        for language in ["en", "uk", "ru"] {
            let url = format!("{}/{path}{sign}lang={language}", stack.auth.url());
            look_at(&browser, 320, 640, "light").await;
            browser.open(&url).await;
            let is_filled = "return !document.querySelector('[aria-busy]')";
            browser.until(is_filled, &json!(true)).await;
            if page == "playground" {
                browser.click("#begin-demo").await;
                browser.until("return !document.getElementById('play').hidden", &json!(true)).await;
                browser.run("scrollTo(0, 0)").await.expect("a page can be scrolled");
            }
            let overhang = "return Math.max(0, document.documentElement.scrollWidth - innerWidth)";
            assert_eq!(browser.run(overhang).await, Ok(json!(0)), "{page} in {language}: it can be scrolled sideways");
            for (screen, width, height) in SCREENS {
                for scheme in ["light", "dark"] {
                    look_at(&browser, width, height, scheme).await;
                    browser.picture(&folder().join(format!("{name}-{language}-{screen}-{scheme}.png"))).await;
                }
            }
        }
    }
}
