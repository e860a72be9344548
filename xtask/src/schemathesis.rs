//! `cargo xtask schemathesis`: both running services are asked everything that their OpenAPI documents allow, and much
//! that they forbid; whatever is answered must be what the documents say.

use crate::{
    block_on,
    commands::{binaries, cargo, run as run_to_end, step, workspace},
    python::virtual_environment,
};
use harness::{Stack, Storage};
use std::{path::Path, time::Duration};
use tokio::{process::Command, time::timeout};

/// How long one attack may take. Usually it is half a minute.
const PATIENCE: Duration = Duration::from_secs(180);

/// Builds the services, and attacks each as an admin and as nobody.
///
/// # Errors
/// One sentence; what was found has been printed.
pub(crate) fn run() -> Result<(), String> {
    let directory = workspace().join("tests/schemathesis");
    let programs = step("prepare schemathesis", || virtual_environment(&directory.join("requirements.txt")))?;
    run_to_end(&mut cargo(&["build", "-p", "auth-service", "-p", "resource-service"]))?;
    harness::binaries::are_in(binaries("debug")?);
    step("schemathesis", || block_on(attack_all(&programs, &directory)))
}

async fn attack_all(programs: &Path, directory: &Path) -> Result<(), String> {
    let stack = Stack::on(Storage::Embedded)
        // The cookie has its name of production, which the document says.
        .auth("AUTH_PUBLIC_URL", "https://jeton.example")
        // Failed logins are throttled by address, and hooks.py gives each call another one.
        .auth("AUTH_TRUSTED_PROXIES", "127.0.0.0/8")
        // However slow the machine is.
        .auth("AUTH_ACCESS_TTL", "1h")
        // One session is refreshed as fast as it goes.
        .unlimited()
        .start()
        .await;
    let admin = stack.admin().await;
    let mut found = Vec::new();
    for caller in ["admin", "nobody"] {
        for (service, url) in [("auth-service", stack.auth.url()), ("resource-service", stack.resource.url())] {
            let document = workspace().join(format!("docs/openapi/{service}.json"));
            let mut command = Command::new(programs.join("schemathesis"));
            command.args(["--config-file", "schemathesis.toml", "run", "--no-color", "--url", &url]).arg(document);
            command.current_dir(directory).kill_on_drop(true);
            command.env("HYPOTHESIS_STORAGE_DIRECTORY", programs.with_file_name("hypothesis"));
            command.env("PYTHONDONTWRITEBYTECODE", "1").env("JETON_AS", caller).env("JETON_AUTH_URL", stack.auth.url());
            command.env("JETON_ADMIN_EMAIL", &admin.email).env("JETON_ADMIN_PASSWORD", &admin.password);
            let outcome = attack(command).await;
            found.extend(outcome.err().map(|outcome| format!("schemathesis against {service} as {caller}: {outcome}")));
        }
    }
    if stack.auth.me(&admin.tokens).await.status != 200 {
        found.push("the admin's session did not outlive the attack: some of it was made as nobody".to_owned());
    }
    if found.is_empty() { Ok(()) } else { Err(found.join("\n")) }
}

async fn attack(mut command: Command) -> Result<(), String> {
    match timeout(PATIENCE, command.status()).await {
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(status)) => Err(format!("{status}: see above")),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("not done after {} s", PATIENCE.as_secs())),
    }
}
