//! What goes on without auth-service, and what does not.

use super::{
    client::Demo,
    story::{Tokens, account, get, log_in, post, refresh, register},
};
use harness::{Stack, service::Service};
use serde_json::json;

/// Stops auth-service in the middle, and restarts resource-service alone.
pub(super) async fn show(demo: &mut Demo, pair: &mut Stack) -> Result<(), String> {
    let account = account();
    register(demo, &account).await?;
    demo.begin("log in", "Everything that follows is done with these tokens.");
    let tokens = log_in(demo, &account).await?;

    demo.begin("stop auth-service", "resource-service needs nothing but the public key: whoever is logged in goes on.");
    stop(&mut pair.auth)?;
    demo.say("auth-service is stopped");
    read(demo, &tokens).await?;

    demo.begin("restart resource-service alone", "It kept the public keys in a file, and asks nobody.");
    stop(&mut pair.resource)?;
    pair.resource.start().await;
    demo.say("resource-service was stopped and started again, auth-service is still stopped");
    read(demo, &tokens).await?;

    demo.begin(
        "what cannot be done now",
        "No login, no refresh, no logout: nobody answers. That says nothing about the session, \
         so clients keep their tokens and try later.",
    );
    let mut login = account.clone();
    login["transport"] = "body".into();
    demo.auth_is_away(post("/auth/login", login)).await?;
    demo.auth_is_away(post("/auth/refresh", json!({ "refresh_token": tokens.refresh }))).await?;
    demo.auth_is_away(post("/auth/logout", json!({ "refresh_token": tokens.refresh }))).await?;

    demo.begin("start auth-service again", "The session goes on with the refresh token that was kept.");
    pair.auth.start().await;
    demo.say("auth-service is started");
    let refreshed = refresh(demo, &tokens).await?;
    read(demo, &refreshed).await
}

fn stop(service: &mut Service) -> Result<(), String> {
    let status = service.stop();
    if status.success() { Ok(()) } else { Err(format!("{} ended with {status}", service.program())) }
}

async fn read(demo: &Demo, tokens: &Tokens) -> Result<(), String> {
    demo.resource(get("/whoami", &tokens.access)).await?.expect(200, None)?;
    demo.resource(get("/books", &tokens.access)).await?.expect(200, None)?;
    Ok(())
}
