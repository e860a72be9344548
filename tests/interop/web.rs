//! The client of `web/client` and the pages, judged by programs of others: Node runs the client's own tests, TypeScript compiles what uses
//! it, esbuild makes the file that is served, React shows its state in Chromium, and axe looks for what keeps people out of the pages.

use crate::report::Report;
use harness::{
    Stack,
    chromium::Chromium,
    pages::Pages,
    person::{fresh_email, fresh_password},
    site::{Reply, Site},
    sockets,
};
use serde_json::{Value, json};
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Pages for everybody, and the one for those who are logged in.
const PAGES: [&str; 14] = [
    "login",
    "register",
    "forgot",
    "confirm?flow=x&code=7H2K-9QXD&for=invite",
    "confirm?flow=x&code=7H2K-9QXD&for=undo_email",
    "nothing",
    "playground",
    "account",
    "security",
    "console",
    "console?view=users",
    "console?view=invitations",
    "console?view=keys",
    "console?view=audit",
];

/// Runs the checks.
pub(crate) async fn check(report: &mut Report) {
    let tests = ["client.test.mjs", "account.test.mjs"].map(|name| client().join("test").join(name));
    report.check("Node", "the client's own tests", succeeds(Command::new("node").arg("--test").args(tests)));
    report.check("TypeScript", "compiles what uses the client's types", compiled());
    report.check("esbuild", "makes client.min.js out of client.js", minified());
    for (library, files) in [("plain", plain()), ("React", react())] {
        let outcome = match files {
            Ok(files) => example(&files).await,
            Err(error) => Err(error),
        };
        report.check(library, "the example logs in, survives a reload and logs out", outcome);
    }
    accessibility(report).await;
    firefox(report).await;
}

fn client() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../web/client")
}

/// Where Node's libraries are.
fn libraries() -> PathBuf {
    let prepared = env::var_os("JETON_INTEROP_DIR").expect("cargo xtask interop sets it");
    Path::new(&prepared).join("node").join("node_modules")
}

/// A program of one of them.
fn tool(path: &str) -> Command {
    let mut command = Command::new("node");
    command.arg(libraries().join(path));
    command
}

fn succeeds(command: &mut Command) -> Result<(), String> {
    output(command).map(drop)
}

fn output(command: &mut Command) -> Result<String, String> {
    let done = command.output().map_err(|error| format!("{:?}: {error}", command.get_program()))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if done.status.success() {
        Ok(text(&done.stdout))
    } else {
        Err(format!("{}{}", text(&done.stdout), text(&done.stderr)))
    }
}

fn compiled() -> Result<(), String> {
    let mut compiler = tool("typescript/bin/tsc");
    compiler.args([
        "--strict",
        "--exactOptionalPropertyTypes",
        "--noEmit",
        "--module",
        "nodenext",
        "--target",
        "esnext",
    ]);
    succeeds(compiler.args(["--lib", "esnext,dom", "--types", ""]).arg(client().join("test/types.ts")))
}

/// What is served is what stands beside it, and nothing else.
fn minified() -> Result<(), String> {
    let made = output(tool("esbuild/bin/esbuild").arg(client().join("client.js")).args([
        "--minify",
        "--format=esm",
        "--target=es2022",
    ]))?;
    let served = fs::read_to_string(client().join("client.min.js")).map_err(|error| error.to_string())?;
    if made == served {
        Ok(())
    } else {
        Err("client.min.js is out of date: `npx esbuild client.js --minify --format=esm --target=es2022 --outfile=client.min.js` makes it".to_owned())
    }
}

type Files = Vec<(&'static str, String)>;

fn read(path: &str) -> Result<String, String> {
    fs::read_to_string(client().join(path)).map_err(|error| format!("{path}: {error}"))
}

fn plain() -> Result<Files, String> {
    Ok(vec![("index.html", read("examples/plain/index.html")?), ("app.js", read("examples/plain/app.js")?)])
}

/// As the comment in the example's page says, with the client out of this repository.
fn react() -> Result<Files, String> {
    let mut bundler = tool("esbuild/bin/esbuild");
    bundler.arg(client().join("examples/react/App.jsx")).args(["--bundle", "--format=esm", "--jsx=automatic"]);
    bundler.arg(format!("--alias:jeton-client={}", client().join("client.js").display())).arg("--log-level=error");
    let app = output(bundler.env("NODE_PATH", libraries()))?;
    Ok(vec![("index.html", read("examples/react/index.html")?), ("app.js", app)])
}

async fn example(files: &[(&'static str, String)]) -> Result<(), String> {
    let port = sockets::fresh_port();
    let url = format!("http://localhost:{port}");
    let stack = Stack::any().auth("AUTH_PUBLIC_URL", &url).trusting_us().start_auth().await;
    let api = Site::start(|_| Reply::status(404));
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let pages = Pages::start(port, &files, &stack.auth, &api);
    let (email, password) = (fresh_email("ada"), fresh_password());
    stack.auth.register(&email, &password).await.expect(201);
    let browser = Chromium::start().await;
    browser.open(&format!("{}/index.html", pages.url())).await;
    browser.fill("input[name='email']", &email).await;
    browser.fill("input[name='password']", &password).await;
    browser.click("form button").await;
    browser.shows(&format!("Logged in as {email}")).await;
    browser.reload().await;
    browser.shows(&format!("Logged in as {email}")).await;
    browser.click("main button").await;
    browser.shows("Password").await;
    let shown = browser.run("return document.body.innerText").await;
    let shown = shown.map_err(|thrown| format!("{thrown:?}"))?.to_string();
    if shown.contains(&email) { Err(shown) } else { Ok(()) }
}

/// Each page in each language, in light, dark and forced colours.
async fn accessibility(report: &mut Report) {
    let axe = fs::read_to_string(libraries().join("axe-core/axe.min.js")).expect("npm has brought it");
    let stack = Stack::any().auth("AUTH_LOGIN_CODE", "on").auth("AUTH_PLAYGROUND", "http://localhost:1").unlimited();
    let stack = stack.start_auth().await;
    let admin = stack.admin().await;
    let browser = Chromium::start().await;
    let url = stack.auth.url();
    for page in PAGES {
        if page == "account" {
            browser.open(&format!("{url}/login")).await;
            browser.fill("#email", &admin.email).await;
            browser.fill("#password", &admin.password).await;
            browser.click("#login .primary").await;
            browser.shows(&admin.email).await;
        }
        let mut found = Vec::new();
        for language in ["en", "uk", "ru"] {
            let sign = if page.contains('?') { '&' } else { '?' };
            browser.open(&format!("{url}/{page}{sign}lang={language}")).await;
            browser.until("return !document.querySelector('[aria-busy]')", &json!(true)).await;
            if page == "playground" {
                browser.click("#begin-demo").await;
                browser.until("return !document.getElementById('play').hidden", &json!(true)).await;
            }
            for (scheme, forced) in [("light", "none"), ("dark", "none"), ("light", "active")] {
                let features =
                    [("prefers-color-scheme", scheme), ("forced-colors", forced), ("prefers-reduced-motion", "reduce")];
                let features = features.map(|(name, value)| json!({ "name": name, "value": value }));
                browser.command("Emulation.setEmulatedMedia", json!({ "features": features })).await;
                let judge = format!(
                    "{axe}\n;const {{ violations }} = await globalThis.axe.run()
                    return violations.map(({{ id, nodes }}) => id + ': ' + nodes.map(({{ target }}) => target).join(' '))"
                );
                match browser.run(&judge).await {
                    Ok(Value::Array(violations)) => {
                        found.extend(violations.iter().map(|found| format!("{language} {scheme}: {found}")))
                    }
                    other => found.push(format!("{other:?}")),
                }
            }
        }
        let outcome = if found.is_empty() { Ok(()) } else { Err(found.join("; ")) };
        report.check("axe", &format!("finds nothing on /{page}"), outcome);
    }
}

/// The client and the pages in Firefox, driven by a program of its own, which judges each thing by name.
async fn firefox(report: &mut Report) {
    /// How many things it judges: a program that ends early has not judged all.
    const CHECKS: usize = 16;
    let port = sockets::fresh_port();
    let url = format!("http://localhost:{port}");
    let stack = Stack::any().auth("AUTH_PUBLIC_URL", &url).auth("AUTH_ACCESS_TTL", "4s").unlimited().start_auth().await;
    let mut program = tokio::process::Command::new("node");
    program.arg(libraries().with_file_name("firefox.mjs")).args([stack.auth.port().to_string(), port.to_string()]);
    let done = program.kill_on_drop(true).output().await.expect("Node starts");
    let judged: Vec<Value> =
        String::from_utf8_lossy(&done.stdout).lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    for check in &judged {
        let why = || check["why"].as_str().unwrap_or("it does not say why").to_owned();
        let outcome = if check["ok"] == true { Ok(()) } else { Err(why()) };
        report.check("Firefox", check["name"].as_str().unwrap_or_default(), outcome);
    }
    if judged.len() != CHECKS {
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        report.check("Firefox", "all was judged", Err(format!("{} of {CHECKS}: {said}", judged.len())));
    }
}
