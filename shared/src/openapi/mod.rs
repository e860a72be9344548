//! OpenAPI documents: what the services' own documents have in common, and how they are served.

mod endpoints;
mod page;
mod refusals;
mod served;

pub use endpoints::{Endpoints, Routes, paste};
pub use refusals::{NotFound, NothingBut, Refusals, Refuses};
pub use served::{About, Published, routes};

use crate::problem;
use std::collections::BTreeMap;
use utoipa::{
    Modify, ToSchema,
    openapi::{
        OpenApi, Ref, RefOr, Response,
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

type Responses = BTreeMap<String, RefOr<Response>>;

/// What both services' documents have: the problem document, the bearer token, and refusals that are written once.
pub struct Common;

impl Modify for Common {
    fn modify(&self, document: &mut OpenApi) {
        let components = document.components.get_or_insert_default();
        let problem = <problem::Document<'_> as utoipa::PartialSchema>::schema();
        components.schemas.insert(<problem::Document<'_> as ToSchema>::name().into_owned(), problem);
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT");
        let bearer = bearer.description(Some("An access token of auth-service (RFC 9068), of `/auth/login`"));
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer.build()));
        for item in document.paths.paths.values_mut() {
            let operations = [&mut item.get, &mut item.post, &mut item.patch, &mut item.delete];
            for operation in operations.into_iter().flatten() {
                share(&mut operation.responses.responses, &mut components.responses);
            }
        }
    }
}

/// Moves refusals to where other operations can refer to them.
fn share(responses: &mut Responses, shared: &mut Responses) {
    for (status, slot) in responses {
        let RefOr::T(response) = &*slot else { continue };
        if !response.content.contains_key(problem::CONTENT_TYPE) {
            continue;
        }
        let name = format!("{status} {}", response.description).replace('`', "").replace(", ", ".").replace(' ', ".");
        if *shared.entry(name.clone()).or_insert_with(|| slot.clone()) == *slot {
            *slot = Ref::from_response_name(name).into();
        }
    }
}
