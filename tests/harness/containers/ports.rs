//! Where the services of a project are reached, and with what they start.

use crate::sockets::fresh_port;

/// On loopback of this machine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ports {
    pub(crate) auth: u16,
    pub(crate) auth_admin: u16,
    pub(crate) resource: u16,
    pub(crate) resource_admin: u16,
    pub(crate) redis: u16,
    pub(crate) postgres: u16,
}

impl Ports {
    pub(crate) fn fresh() -> Self {
        Self {
            auth: fresh_port(),
            auth_admin: fresh_port(),
            resource: fresh_port(),
            resource_admin: fresh_port(),
            redis: fresh_port(),
            postgres: fresh_port(),
        }
    }

    /// New ones for the services: the stores keep theirs.
    pub(crate) fn with_fresh_services(self) -> Self {
        Self { redis: self.redis, postgres: self.postgres, ..Self::fresh() }
    }

    pub(crate) fn all(self) -> [u16; 6] {
        [self.auth, self.auth_admin, self.resource, self.resource_admin, self.redis, self.postgres]
    }

    /// Where clients and operators reach a service.
    pub(crate) fn of(self, service: &str) -> [u16; 2] {
        let Self { auth, auth_admin, resource, resource_admin, .. } = self;
        if service == "auth-service" { [auth, auth_admin] } else { [resource, resource_admin] }
    }

    /// Where the service itself listens: on the same port for clients, and always on the same one for operators.
    pub(crate) fn inside(self, service: &str) -> [u16; 2] {
        [self.of(service)[0], if service == "auth-service" { 9080 } else { 9081 }]
    }
}
