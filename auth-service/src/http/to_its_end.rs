//! Changes run to their end even if the client closes its connection half-way. Otherwise a client could change an
//! account without a record in the audit log.

use actix_web::{
    Error, Resource,
    body::MessageBody,
    dev::{ServiceFactory, ServiceRequest, ServiceResponse},
    middleware::{Next, from_fn},
    rt, web,
};
use shared::problem::Problem;

/// A resource whose changes run to their end once they have begun.
pub(super) fn changing(
    path: &str,
) -> Resource<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody + use<>>,
        Error = Error,
        InitError = (),
    > + use<>,
> {
    web::resource(path).wrap(from_fn(to_its_end))
}

async fn to_its_end<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    if request.method().is_safe() {
        return next.call(request).await;
    }
    let carried_out = rt::spawn(async move { next.call(request).await });
    carried_out.await.unwrap_or_else(|_| Err(Problem::internal().into()))
}
