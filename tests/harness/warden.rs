//! Nothing outlives the test process: a small shell in its own process group waits for its end (the end of a pipe),
//! kills whatever still runs and removes the temporary directory. It does so after a Ctrl-C and a SIGKILL too.

use crate::postgres;
use std::{
    io::Write as _,
    os::unix::{
        fs::PermissionsExt as _,
        process::{CommandExt as _, ExitStatusExt as _},
    },
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
};

/// Reads `watch <signal>:<pid>` or `watch compose:<project>`, and `forget` for the same; acts at the end of its input.
const SCRIPT: &str = r#"
trap '' HUP INT TERM
watched=' '
while read -r verb what; do
    case $verb in
        watch) watched="$watched$what " ;;
        forget) watched="${watched%% $what *} ${watched#* $what }" ;;
    esac
done
processes=
for each in $watched; do
    case $each in
        compose:*) remove_project "${each#compose:}" ;;
        *) processes="$processes$each " ;;
    esac
done >/dev/null 2>&1
watched=$processes
for each in $watched; do kill -s "${each%%:*}" "${each#*:}"; done 2>/dev/null
for each in $watched; do
    patience=20
    while [ $patience -gt 0 ] && kill -0 "${each#*:}" 2>/dev/null; do sleep 0.05; patience=$((patience - 1)); done
done
# A browser that is ending still writes.
patience=60
until rm -rf "$1"; do
    [ $patience -gt 0 ] || exit 1
    sleep 0.05; patience=$((patience - 1))
done
"#;

/// Removes all that a project has, whatever its files say by now.
const REMOVE_PROJECT: &str = r#"
remove_project() {
    label=label=com.docker.compose.project=$1
    containers=$(docker ps --all --quiet --filter "$label")
    [ -z "$containers" ] || docker rm --force --volumes $containers >/dev/null
    volumes=$(docker volume ls --quiet --filter "$label")
    [ -z "$volumes" ] || docker volume rm $volumes >/dev/null
    networks=$(docker network ls --quiet --filter "$label")
    [ -z "$networks" ] || docker network rm $networks >/dev/null
}
"#;

struct Warden {
    shell: Child,
    orders: ChildStdin,
}

static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
static WARDEN: Mutex<Option<Warden>> = Mutex::new(None);

/// The directory that holds all others of this test process.
fn directory() -> &'static Path {
    DIRECTORY.get_or_init(|| {
        let directory = tempfile::Builder::new().prefix("jeton-e2e-").tempdir().expect("a temporary directory").keep();
        // PostgreSQL, which may run as another user, must be able to pass; what is inside is private again.
        std::fs::set_permissions(&directory, std::fs::Permissions::from_mode(0o711)).expect("our own directory");
        start(&directory);
        directory
    })
}

/// A new private directory, removed when the test process ends at the latest.
pub(crate) fn new_directory(name: &str) -> tempfile::TempDir {
    tempfile::Builder::new().prefix(&format!("{name}-")).tempdir_in(directory()).expect("a temporary directory")
}

/// Has the process killed by `signal` when the test process ends.
pub(crate) fn watch(signal: &str, pid: u32) {
    directory();
    order(&format!("watch {signal}:{pid}\n"));
}

/// Has a project of docker-compose removed when the test process ends.
pub(crate) fn watch_project(name: &str) {
    directory();
    order(&format!("watch compose:{name}\n"));
}

/// Removes a project of docker-compose now.
pub(crate) fn remove_project(name: &str) {
    let removed = Command::new("sh").args(["-c", &format!("{REMOVE_PROJECT}\nremove_project {name}")]).output();
    let errors =
        removed.map_or_else(|error| error.to_string(), |output| String::from_utf8_lossy(&output.stderr).into());
    if errors.is_empty() {
        order(&format!("forget compose:{name}\n"));
    } else {
        eprintln!("{name} could not be removed: {errors}");
    }
}

/// Undoes [`watch`], once the process has been waited for.
pub(crate) fn forget(signal: &str, pid: u32) {
    order(&format!("forget {signal}:{pid}\n"));
}

fn order(line: &str) {
    if let Some(warden) = lock().as_mut() {
        warden.orders.write_all(line.as_bytes()).expect("the warden reads as long as this process runs");
    }
}

fn lock() -> MutexGuard<'static, Option<Warden>> {
    WARDEN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn start(directory: &Path) {
    let mut shell = Command::new("sh")
        .args(["-c", &format!("{REMOVE_PROJECT}{SCRIPT}"), "warden"])
        .arg(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .expect("a POSIX shell");
    let orders = shell.stdin.take().expect("its input is a pipe");
    *lock() = Some(Warden { shell, orders });
    #[expect(unsafe_code, reason = "Rust has no other hook for the end of a process; statics are never dropped")]
    // SAFETY: the handler takes no arguments, does not unwind, and runs on the main thread at a normal exit.
    unsafe {
        libc::atexit(clean_up);
    }
}

/// At a normal end, waits until everything is gone, so that whoever called the tests finds nothing left.
extern "C" fn clean_up() {
    postgres::stop_shared();
    let Some(Warden { mut shell, orders }) = lock().take() else { return };
    drop(orders);
    let ended = shell.wait();
    if !ended.is_ok_and(|status| status.success() || status.signal().is_some()) {
        eprintln!("the temporary directory of the tests could not be removed");
    }
}
