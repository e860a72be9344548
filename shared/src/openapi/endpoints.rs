//! Operations that are written down once: what is served is what is documented.

use crate::server::get;
use actix_web::{FromRequest, Handler, Responder, Route, web};
use std::collections::BTreeMap;
use utoipa::openapi::{HttpMethod, OpenApi};

pub use pastey::paste;

/// A list of operations with `#[utoipa::path]`, by the modules of their handlers.
pub trait Endpoints {
    /// What is served.
    fn routes() -> Routes;

    /// What is documented: their paths and schemas, and nothing else.
    fn document() -> OpenApi;
}

/// Routes of operations, with the methods and below the paths that their attributes state.
#[derive(Default)]
pub struct Routes(BTreeMap<String, Vec<Route>>);

impl Routes {
    /// Adds the handler of the operation `P`. HEAD is answered as GET, without the body.
    pub fn add<P, H, Arguments>(&mut self, handler: &H)
    where
        P: utoipa::Path,
        H: Handler<Arguments, Output: Responder + 'static>,
        Arguments: FromRequest + 'static,
    {
        let routes = P::methods().into_iter().map(|method| route(&method).to(handler.clone()));
        self.0.entry(P::path()).or_default().extend(routes);
    }
}

impl IntoIterator for Routes {
    type Item = (String, Vec<Route>);
    type IntoIter = <BTreeMap<String, Vec<Route>> as IntoIterator>::IntoIter;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

fn route(method: &HttpMethod) -> Route {
    match method {
        HttpMethod::Get => get(),
        HttpMethod::Post => web::post(),
        HttpMethod::Put => web::put(),
        HttpMethod::Patch => web::patch(),
        HttpMethod::Delete => web::delete(),
        HttpMethod::Head => web::head(),
        HttpMethod::Trace => web::trace(),
        HttpMethod::Options => web::route().method(actix_web::http::Method::OPTIONS),
    }
}

/// Makes a type that is [`Endpoints`]: `endpoints! { struct Reads { books: list, read; whoami: whoami; } }`.
#[macro_export]
macro_rules! endpoints {
    ($(#[$meta:meta])* $visibility:vis struct $name:ident {
        $($module:ident : $($handler:ident),+ ;)*
    }) => {
        $crate::openapi::paste! {
            $(#[$meta])*
            #[derive(utoipa::OpenApi)]
            #[openapi(paths($($($module::$handler),+),*))]
            $visibility struct $name;

            impl $crate::openapi::Endpoints for $name {
                fn routes() -> $crate::openapi::Routes {
                    let mut routes = $crate::openapi::Routes::default();
                    $($(routes.add::<$module::[<__path_ $handler>], _, _>(&$module::$handler);)+)*
                    routes
                }

                fn document() -> utoipa::openapi::OpenApi {
                    <Self as utoipa::OpenApi>::openapi()
                }
            }
        }
    };
}
