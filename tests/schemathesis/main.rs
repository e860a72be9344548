//! Both running services are asked everything that their OpenAPI documents allow, and much that they forbid; whatever is
//! answered must be what the documents say. `cargo xtask schemathesis` prepares the program that asks, and runs this.

use harness::{Stack, Storage};
use std::{
    env,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};
use tokio::{process::Command, time::timeout};

/// How long one attack may take. Usually it is half a minute.
const PATIENCE: Duration = Duration::from_secs(180);

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let programs =
        env::var_os("JETON_PYTHON_BIN").expect("`cargo xtask schemathesis` says where Python's programs are");
    match attack_all(&PathBuf::from(programs)).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(found) => {
            eprintln!("error: {found}");
            ExitCode::FAILURE
        }
    }
}

/// Attacks each as an admin and as nobody.
///
/// # Errors
/// A line for each attack that found something.
async fn attack_all(programs: &Path) -> Result<(), String> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
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
            let document = tests.join(format!("../docs/openapi/{service}.json"));
            let mut command = Command::new(programs.join("schemathesis"));
            command.args(["--config-file", "schemathesis.toml", "run", "--no-color", "--url", &url]).arg(document);
            command.current_dir(tests.join("schemathesis")).kill_on_drop(true);
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
