//! `user …`.

use super::{
    Failure,
    confirm::confirm,
    list::{List, Reader},
    look, password,
    report::{Report, printable},
};
use auth_service::{
    app::Installation,
    domain::{
        accounts::{
            Account, AccountChange, AccountQuery, EmailAddress, FindError, PersonName, Unreadable, create::Newcomer,
        },
        admin::users::By,
        operator::create_user::Maker,
    },
};
use clap::ArgMatches;
use serde_json::{Value, json};
use shared::ids::UserId;

/// How many users are read at once.
const PAGE: u32 = 1000;

fn text<'a>(arguments: &'a ArgMatches, name: &str) -> Option<&'a str> {
    arguments.get_one::<String>(name).map(String::as_str)
}

/// The user whom the arguments name.
pub async fn named(installation: &Installation, arguments: &ArgMatches) -> Result<Account, Failure> {
    Ok(found(installation, arguments).await?.map_err(|unreadable| {
        format!("{unreadable}: `auth-service user set-password` and `user delete` still accept the id")
    })?)
}

/// The user whom the arguments name, even one whose row cannot be read.
async fn found(installation: &Installation, arguments: &ArgMatches) -> Result<Result<Account, Unreadable>, Failure> {
    let name = text(arguments, "user").unwrap_or_default();
    match installation.operator().user_named(name).await {
        Ok(Some(user)) => Ok(Ok(user)),
        Ok(None) => Err(format!(
            "there is no user {name}: give an e-mail address or an id, as `auth-service user list` shows them"
        )
        .into()),
        Err(FindError::Unreadable(unreadable)) => Ok(Err(unreadable)),
        Err(FindError::Unavailable(error)) => Err(error.to_string().into()),
    }
}

/// What is known of a user even if the row cannot be read.
struct Known {
    id: UserId,
    /// The address and the name, which the password must not be.
    words: Vec<String>,
    /// For people.
    name: String,
    json: Value,
}

/// The user whom the arguments name, for commands that only set the password or delete the user.
async fn known_user(installation: &Installation, arguments: &ArgMatches) -> Result<Known, Failure> {
    match found(installation, arguments).await? {
        Ok(user) => {
            let name = user.name.as_ref().map(|name| name.as_str().to_owned());
            let words = [Some(user.email.to_string()), name].into_iter().flatten().collect();
            Ok(Known { id: user.id, words, name: user.email.to_string(), json: as_json(&user) })
        }
        Err(unreadable) => {
            let id = unreadable.id.ok_or_else(|| unreadable.to_string())?;
            let json = json!({ "id": id, "unreadable": unreadable.column });
            Ok(Known { id, words: Vec::new(), name: id.to_string(), json })
        }
    }
}

/// Creates a user.
pub async fn create(installation: &Installation, arguments: &ArgMatches) -> Result<Report, Failure> {
    let role = text(arguments, "role").unwrap_or(installation.default_role());
    known(installation, role).map_err(|error| format!("--role {error}"))?;
    let email = text(arguments, "email").unwrap_or_default();
    let email = EmailAddress::parse(email).map_err(|error| format!("--email: {error}"))?;
    let name =
        text(arguments, "name").map(PersonName::parse).transpose().map_err(|error| format!("--name: {error}"))?;
    let password = password::read(arguments)?;
    let account =
        installation.creation()?.create(Newcomer::new(email, &password, name, role), Maker::CommandLine).await;
    let account = account.map_err(|error| error.to_string())?;
    let text = format!("{} {} {}", account.id, account.email, account.roles.join(","));
    Ok(Report { text, json: as_json(&account) })
}

fn known(installation: &Installation, role: &str) -> Result<(), String> {
    if installation.roles().has(role) {
        return Ok(());
    }
    let known: Vec<&str> = installation.roles().names().collect();
    Err(format!("{role}: there is no such role; there are {}", known.join(", ")))
}

/// Prints users as they are read.
pub async fn list(matches: &ArgMatches, arguments: &ArgMatches, is_json: bool) -> Result<(), Failure> {
    let installation = match look(matches).await {
        Ok(installation) => installation,
        Err(failure) => return Err(super::refused(failure, is_json)),
    };
    let mut list = List::begin("users", &head(), is_json)?;
    let outcome = each(&installation, arguments, |user| list.add(&line(user), &as_json(user))).await;
    list.end(outcome.as_ref().err().map(String::as_str))?;
    Ok(outcome?)
}

async fn each(
    installation: &Installation,
    arguments: &ArgMatches,
    mut show: impl FnMut(&Account) -> Result<Reader, String>,
) -> Result<(), String> {
    let users = installation.users();
    let mut query = AccountQuery {
        search: text(arguments, "search").map(str::to_owned),
        role: text(arguments, "role").map(str::to_owned),
        disabled: arguments.get_flag("disabled").then_some(true),
        limit: PAGE,
        ..AccountQuery::default()
    };
    loop {
        let (found, next) = users.page(query.clone()).await.map_err(|error| error.to_string())?;
        for user in &found {
            if show(user)? == Reader::HasSeenEnough {
                return Ok(());
            }
        }
        if next.is_none() {
            return Ok(());
        }
        query.after = next;
    }
}

/// Shows one user.
pub async fn show(installation: &Installation, arguments: &ArgMatches) -> Result<Report, Failure> {
    let user = named(installation, arguments).await?;
    let scopes: Vec<&str> = installation.roles().scopes(&user.roles).into_iter().collect();
    let lines = [
        format!("id        {}", user.id),
        format!("email     {}", user.email),
        format!("name      {}", printable(user.name.as_ref().map_or("-", PersonName::as_str))),
        format!("roles     {}", printable(&user.roles.join(", "))),
        format!("scopes    {}", scopes.join(" ")),
        format!("state     {}", state(&user)),
        format!("created   {}", user.created_at.rfc3339()),
        format!("custom    {}", printable(&Value::Object(user.custom.clone()).to_string())),
    ];
    let mut json = as_json(&user);
    json["scopes"] = json!(scopes);
    Ok(Report { text: lines.join("\n"), json })
}

/// Sets the password, and ends the sessions.
pub async fn set_password(installation: &Installation, arguments: &ArgMatches) -> Result<Report, Failure> {
    let user = known_user(installation, arguments).await?;
    let password = password::read(arguments)?;
    installation
        .operator()
        .set_password(user.id, user.words, &password, &*installation.new_passwords()?)
        .await
        .map_err(|error| error.to_string())?;
    let text = format!("{} has a new password; all sessions of the user have ended", user.name);
    Ok(Report { text, json: user.json })
}

/// Gives the user these roles, and no others.
pub async fn set_roles(installation: &Installation, arguments: &ArgMatches) -> Result<Report, Failure> {
    let user = named(installation, arguments).await?;
    let roles: Vec<String> = arguments.get_many::<String>("roles").unwrap_or_default().cloned().collect();
    roles.iter().try_for_each(|role| known(installation, role))?;
    changed(installation, &user, AccountChange { roles: Some(roles), ..AccountChange::default() }).await
}

/// Disables or enables the user.
pub async fn set_disabled(
    installation: &Installation,
    arguments: &ArgMatches,
    disabled: bool,
) -> Result<Report, Failure> {
    let user = named(installation, arguments).await?;
    changed(installation, &user, AccountChange { disabled: Some(disabled), ..AccountChange::default() }).await
}

async fn changed(installation: &Installation, user: &Account, change: AccountChange) -> Result<Report, Failure> {
    let user = installation.users().change(&By::Operator, user.id, change).await.map_err(|error| error.to_string())?;
    let text = format!("{} is {} now, with the roles {}", user.email, state(&user), printable(&user.roles.join(", ")));
    Ok(Report { text, json: as_json(&user) })
}

/// Clears the failed logins that lock the user out.
pub async fn unlock(installation: &Installation, arguments: &ArgMatches) -> Result<Report, Failure> {
    let user = named(installation, arguments).await?;
    if !installation.operator().unlock(user.id).await.map_err(|error| error.to_string())? {
        return Err("the user no longer exists".to_owned().into());
    }
    Ok(Report { text: format!("{} can try again at once", user.email), json: as_json(&user) })
}

/// Deletes the user.
pub async fn delete(installation: &Installation, arguments: &ArgMatches) -> Result<Report, Failure> {
    let user = known_user(installation, arguments).await?;
    confirm(&format!("Delete {} ({}) for good?", user.name, user.id), arguments.get_flag("yes"))?;
    installation.users().delete(&By::Operator, user.id).await.map_err(|error| error.to_string())?;
    Ok(Report { text: format!("{} is deleted", user.name), json: user.json })
}

fn state(user: &Account) -> &'static str {
    if user.disabled { "disabled" } else { "enabled" }
}

fn head() -> String {
    format!("{:<36}  {:<8}  {:<20}  {:<20}  {}", "ID", "STATE", "CREATED", "ROLES", "E-MAIL, NAME")
}

fn line(user: &Account) -> String {
    let (created, roles) = (user.created_at.rfc3339(), printable(&user.roles.join(",")));
    let name = user.name.as_ref().map(|name| format!("  {}", printable(name.as_str()))).unwrap_or_default();
    format!(
        "{:<36}  {:<8}  {created:<20}  {roles:<20}  {}{name}",
        user.id.to_string(),
        state(user),
        user.email.as_str()
    )
}

/// The fields of the HTTP API.
fn as_json(user: &Account) -> Value {
    json!({
        "id": user.id,
        "email": user.email.as_str(),
        "name": user.name.as_ref().map(PersonName::as_str),
        "roles": user.roles,
        "custom": user.custom,
        "disabled": user.disabled,
        "created_at": user.created_at.rfc3339(),
    })
}
