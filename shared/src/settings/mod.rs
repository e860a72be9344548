//! Settings: command-line flags with environment variables, every mistake reported at once.
//!
//! [`settings!`](crate::settings!) defines each once: name, type, default, reader and help. From the definitions come the flags,
//! `--help`, the environment variables, `X_FILE` for secrets, and the check for misspelt variables. [`Settings`] then hands
//! out values and collects what is wrong.

mod parameters;
mod readers;
mod values;

pub use parameters::{known_parameters, percent_encoded};
pub use readers::{any_text, duration, duration_within, number_within, on_off, one_of, parsed};
pub use values::{Mistakes, Settings};

use clap::{Arg, Command};

/// Reads a value, or says in a sentence what would be right.
pub type Read<T> = fn(&str) -> Result<T, String>;

/// A setting that always has a value.
#[derive(Debug)]
pub struct Setting<T> {
    /// What does not depend on the type of its values.
    pub named: Named,
    /// The value where none is given.
    pub default: &'static str,
    /// Reads it.
    pub read: Read<T>,
}

/// A setting that may be absent.
#[derive(Debug)]
pub struct Optional<T> {
    /// What does not depend on the type of its values.
    pub named: Named,
    /// Reads it.
    pub read: Read<T>,
}

/// A setting, whatever the type of its values.
#[derive(Debug, Clone, Copy)]
pub struct Named {
    /// The environment variable; the flag is derived from it (`AUTH_LISTEN` is `--listen`).
    pub name: &'static str,
    /// The default, for `--help`.
    pub default: Option<&'static str>,
    /// A sentence for `--help`.
    pub help: &'static str,
    /// How it may be given.
    pub kind: Kind,
    /// The Rust type of its values.
    pub holds: &'static str,
}

impl Named {
    /// The placeholder for a value in `--help`, such as `DURATION`. Where the type does not say it, the last word of
    /// the name does.
    #[must_use]
    pub fn value_name(&self) -> &'static str {
        match self.holds {
            "Duration" => "DURATION",
            "SocketAddr" => "ADDRESS",
            "usize" => "NUMBER",
            "u32" => "SIZE",
            "bool" => "on|off",
            "Rates" => "RATES",
            "Option<Rate>" => "RATE",
            "Registration" | "ReuseEnds" | "PasswordPolicy" => "WORD",
            "ListChoice" => "off|hibp|FILE",
            "Vec<IpNet>" => "NETWORKS",
            "PathBuf" => "FILE",
            _ if self.kind == Kind::Secret => "FILE",
            _ => self.name.rsplit('_').next().unwrap_or("VALUE"),
        }
    }
}

/// How a setting may be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// By flag or variable.
    Plain,
    /// May hold a password: by flag or variable, or as the path of a file in `X_FILE`.
    Url,
    /// A secret has no flag, as a command line is public: by variable, or as the path of a file in `X_FILE` or
    /// `--x-file`.
    Secret,
}

/// Defines settings, and a list of them named `SETTINGS`, in the order of `--help`.
///
/// A definition is the help as a doc comment, and then `kind NAME: Type [= "default"], reader;`. The kind is `plain`, `url` or
/// `secret` ([`Kind`]), the reader a [`Read`]. With a default it is a [`Setting`], without an [`Optional`] one.
#[macro_export]
macro_rules! settings {
    ($($(#[doc = $help:literal])+ $kind:ident $name:ident: $type:ty $(= $default:literal)?, $read:expr;)+) => {
        $(
            $(#[doc = $help])+
            const $name: $crate::settings!(@type $type $(, $default)?) = $crate::settings!(@new
                $crate::settings::Named {
                    name: stringify!($name),
                    default: $crate::settings!(@default $($default)?),
                    help: concat!($($help),+),
                    kind: $crate::settings!(@kind $kind),
                    holds: stringify!($type),
                },
                $read
                $(, $default)?
            );
        )+

        /// The settings that are defined here, in the order of `--help`.
        pub(super) const SETTINGS: &[$crate::settings::Named] = &[$($name.named),+];
    };
    (@type $type:ty) => { $crate::settings::Optional<$type> };
    (@type $type:ty, $default:literal) => { $crate::settings::Setting<$type> };
    (@new $named:expr, $read:expr) => { $crate::settings::Optional { named: $named, read: $read } };
    (@new $named:expr, $read:expr, $default:literal) => {
        $crate::settings::Setting { named: $named, read: $read, default: $default }
    };
    (@default) => { None };
    (@default $default:literal) => { Some($default) };
    (@kind plain) => { $crate::settings::Kind::Plain };
    (@kind url) => { $crate::settings::Kind::Url };
    (@kind secret) => { $crate::settings::Kind::Secret };
}

/// The settings of a program.
#[derive(Debug, Clone, Copy)]
pub struct Catalog {
    /// The prefix of all variables.
    pub prefix: &'static str,
    /// A list for each part of the program.
    pub lists: &'static [&'static [Named]],
    /// The subcommands whose `--help` shows the settings: those that are about them. All others accept them too.
    pub shown_by: &'static [&'static str],
}

impl Catalog {
    /// All settings, in the order of `--help`.
    pub fn settings(&self) -> impl Iterator<Item = &'static Named> + use<> {
        self.lists.iter().copied().flatten()
    }

    /// Adds a flag for each setting to `command` and its subcommands.
    #[must_use]
    pub fn flags(&self, command: Command) -> Command {
        let command = command.mut_subcommands(|subcommand| {
            if self.shown_by.contains(&subcommand.get_name()) { subcommand } else { self.hidden_flags(subcommand) }
        });
        self.settings().fold(command, |command, setting| command.arg(flag(self.prefix, setting).global(true)))
    }

    fn hidden_flags(&self, command: Command) -> Command {
        let program = self.settings().map(|setting| flag(self.prefix, setting).hide(true));
        let command = command.args(program);
        command.mut_subcommands(|subcommand| self.hidden_flags(subcommand))
    }
}

fn flag(prefix: &str, setting: &'static Named) -> Arg {
    let flag = flag_name(prefix, setting.name);
    let default = setting.default.map(|default| format!(" [default: {default}]")).unwrap_or_default();
    let (id, flag, help) = match setting.kind {
        Kind::Plain => (setting.name.to_owned(), flag, format!("[env: {}]", setting.name)),
        Kind::Url => (setting.name.to_owned(), flag, format!("[env: {0}, or a file: {0}_FILE]", setting.name)),
        Kind::Secret => {
            let source = format!("Path of a file that holds it [env: {0}_FILE, or the value: {0}]", setting.name);
            (file_name(setting.name), format!("{flag}-file"), source)
        }
    };
    let help = format!("{}{default} {help}", setting.help.trim());
    Arg::new(id).long(flag).help(help).value_name(setting.value_name())
}

fn flag_name(prefix: &str, name: &str) -> String {
    name.trim_start_matches(prefix).to_lowercase().replace('_', "-")
}

fn file_name(name: &str) -> String {
    format!("{name}_FILE")
}

#[cfg(test)]
mod tests;
