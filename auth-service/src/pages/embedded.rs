//! The files of `web/`, in the binary.

macro_rules! files {
    ($($folder:literal: $($name:literal)*;)*) => {
        &[$($(($name, include_str!(concat!("../../../web/", $folder, "/", $name)))),*),*]
    };
}

/// What is served under `/assets`.
pub const FILES: &[(&str, &str)] = files! {
    "client": "account.js";
    "pages":
        "account_page.js" "address_code.js" "confirm.js" "confirmation.js" "countdown.js" "departure.js" "device_name.js" "devices.js" "dialog.js"
        "failures.js" "field.js" "forgot.js" "form.js" "incidents.js" "login.js" "mail_code.js" "mark.svg" "own_data.js" "page.js" "pages.css"
        "password_change.js" "password_field.js" "profile.js" "reachability.js" "register.js" "return_to.js" "seen_incidents.js" "sign_in.js"
        "steps.js" "times.js" "user_agent.js" "words.js";
};

/// Templates of pages.
pub const TEMPLATES: &[(&str, &str)] = files! {
    "pages":
        "account.html" "address_field.html" "code_field.html" "confirm.html" "forgot.html" "layout.html" "login.html" "message.html" "not_found.html"
        "password_field.html" "register.html" "sent_again.html";
};

/// The client as it is served: `client.js` without what only readers of the source need. `cargo xtask interop` checks that it is up to date.
pub const CLIENT: &str = include_str!("../../../web/client/client.min.js");

macro_rules! catalogues {
    ($($language:literal)*) => {
        [$(($language, include_str!(concat!("../../../web/pages/languages/", $language, ".json")))),*]
    };
}

/// The texts of the pages, by language.
pub const CATALOGUES: [(&str, &str); 3] = catalogues!["en" "uk" "ru"];
