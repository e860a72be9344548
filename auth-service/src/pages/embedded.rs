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
        "account_page.js" "address_code.js" "audit_events.js" "audit_export.js" "audit_view.js" "authenticator_app.js" "confirm.js"
        "confirmation.js" "console.css" "console.js" "console_parts.js" "console_routes.js" "console_session.js" "countdown.js" "departure.js"
        "device_name.js" "devices.js" "dialog.js" "event_details.js" "factor_ways.js" "failures.js" "field.js" "filters.js" "forgot.js" "form.js"
        "guard.js" "identifier.js" "incidents.js" "invitations_view.js" "keys_view.js" "loaded_page.js" "login.js" "mail_code.js" "mark.svg"
        "new_user_buttons.js" "new_users.js" "on_demand.js" "overview_view.js" "own_data.js" "page.js" "pages.css" "passkey.js" "passkey_list.js"
        "passkey_login.js" "password_change.js" "password_field.js" "playground.css" "playground.js" "playground_board.js" "playground_call.js"
        "playground_claims.js" "playground_game.js" "playground_log.js" "playground_own.js" "playground_party.js" "playground_record.js"
        "playground_story.js" "playground_token.js" "playground_youth.js" "pressed.js" "profile.js" "proof.js" "reachability.js"
        "reauthentication.js" "recovery_codes.js" "register.js" "return_to.js" "rights.js" "roles.js" "roles_field.js" "save.js" "second_step.js"
        "security.js" "seen_incidents.js" "sign_in.js" "steps.js" "times.js" "trusted_devices.js" "user_actions.js" "user_marks.js" "user_view.js"
        "users_view.js" "while_visible.js" "words.js";
};

/// Templates of pages.
pub const TEMPLATES: &[(&str, &str)] = files! {
    "pages":
        "account.html" "address_field.html" "code_field.html" "confirm.html" "confirmation.html" "console.html" "events.html" "factor_fields.html"
        "factor_ways.html" "forgot.html" "icons.html" "layout.html" "load.html" "login.html" "message.html" "not_found.html" "pager.html"
        "password_field.html" "playground.html" "playground_tokens.html" "reauthentication.html" "register.html" "roles_field.html"
        "second_step.html" "security.html" "sent_again.html";
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
