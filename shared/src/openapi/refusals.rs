//! The refusals of an operation, documented from the problems that are actually answered.

use crate::problem::{self, Problem};
use actix_web::{
    ResponseError as _,
    http::header::{self, HeaderName},
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, marker::PhantomData};
use utoipa::{
    IntoResponses,
    openapi::{
        AllOf, Header, HeaderBuilder, ObjectBuilder, Ref, RefOr, Response, ResponseBuilder, Schema, Type,
        content::ContentBuilder, example::ExampleBuilder, extensions::Extensions,
    },
};

/// What may refuse a request: a guard, a body, or an outcome of the domain.
pub trait Refuses {
    /// A problem of each kind that it answers.
    fn problems() -> Vec<Problem>;
}

/// There may be nothing at the path.
pub struct NotFound;

impl Refuses for NotFound {
    fn problems() -> Vec<Problem> {
        vec![problem::not_found()]
    }
}

/// Every problem that any of several may answer, for `#[utoipa::path(responses(Refusals<(A, B)>))]`; and what every
/// call may answer.
pub struct Refusals<T>(PhantomData<T>);

/// As [`Refusals`], without what every other call may answer.
pub struct NothingBut<T>(PhantomData<T>);

macro_rules! refuses_as_one {
    ($($name:ident)*) => {
        impl<$($name: Refuses),*> Refuses for ($($name,)*) {
            fn problems() -> Vec<Problem> {
                Vec::new().into_iter()$(.chain($name::problems()))*.collect()
            }
        }
    };
}

refuses_as_one!();
refuses_as_one!(A);
refuses_as_one!(A B);
refuses_as_one!(A B C);
refuses_as_one!(A B C D);
refuses_as_one!(A B C D E);

impl<T: Refuses> IntoResponses for Refusals<T> {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        responses(T::problems().into_iter().chain([problem::headers_too_large()]))
    }
}

impl<T: Refuses> IntoResponses for NothingBut<T> {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        responses(T::problems().into_iter())
    }
}

fn responses(problems: impl Iterator<Item = Problem>) -> BTreeMap<String, RefOr<Response>> {
    let mut by_status: BTreeMap<String, BTreeMap<&str, Problem>> = BTreeMap::new();
    for problem in problems {
        by_status.entry(problem.status_code().as_str().to_owned()).or_default().insert(problem.code(), problem);
    }
    let response = |problems: BTreeMap<&str, Problem>| response(&problems.into_values().collect::<Vec<_>>());
    by_status.into_iter().map(|(status, problems)| (status, response(problems).into())).collect()
}

/// The answer with one status, for any of these problems.
fn response(problems: &[Problem]) -> Response {
    let documents: Vec<Value> = problems.iter().map(|problem| json!(problem.document())).collect();
    let codes: Vec<String> = problems.iter().map(|problem| format!("`{}`", problem.code())).collect();
    let code = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(problems.iter().map(Problem::code)));
    let status = problems[0].status_code().as_u16();
    let status = ObjectBuilder::new().schema_type(Type::Integer).enum_values(Some([status]));
    let members = ObjectBuilder::new().property("code", code).property("status", status);
    let schema = AllOf::builder().item(Ref::from_schema_name("Problem")).item(members);
    let examples = documents.into_iter().zip(problems).map(|(document, problem)| {
        (problem.code().to_owned(), ExampleBuilder::new().value(Some(document)).build().into())
    });
    let content = ContentBuilder::new()
        .schema(Some(Schema::AllOf(schema.build())))
        .examples_from_iter::<_, _, RefOr<_>>(examples);
    let names: Vec<&HeaderName> = problems.iter().flat_map(Problem::headers).collect();
    let response = ResponseBuilder::new().description(codes.join(", ")).content(problem::CONTENT_TYPE, content.build());
    [header::WWW_AUTHENTICATE, header::RETRY_AFTER]
        .into_iter()
        .filter(|name| names.contains(&name))
        .fold(response, |response, name| {
            let is_always_there = problems.iter().all(|problem| problem.headers().any(|other| *other == name));
            response.header(title_case(&name), documented(&name, is_always_there))
        })
        .build()
}

fn documented(name: &HeaderName, is_required: bool) -> Header {
    let (schema, description) = if *name == header::RETRY_AFTER {
        (ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1)).build(), "Seconds after which to try again")
    } else {
        let pattern = Some(r#"^Bearer realm="jeton"(, [a-z_]+="[^"]*")*$"#);
        (ObjectBuilder::new().schema_type(Type::String).pattern(pattern).build(), "The challenge (RFC 6750)")
    };
    // utoipa has no field for it.
    let required = Extensions::from_iter([("required", is_required)]);
    HeaderBuilder::new().schema(Some(schema)).description(Some(description)).extensions(Some(required)).build()
}

/// `retry-after` → `Retry-After`.
fn title_case(name: &HeaderName) -> String {
    let word = |word: &str| word[..1].to_uppercase() + &word[1..];
    name.as_str().split('-').map(word).collect::<Vec<_>>().join("-").replace("Www", "WWW")
}
