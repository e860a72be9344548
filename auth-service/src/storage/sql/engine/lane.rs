//! Where statements of one kind run.

use super::connections::{Answer, Connections};
use crate::{
    domain::{Unavailable, accounts::SearchError},
    storage::{per_runtime::PerRuntime, sql::Statement},
};
use std::{sync::Arc, time::Duration};

/// Clones are the same lane.
#[derive(Clone)]
pub(in crate::storage) enum Lane {
    /// For SQLite, whose connections are threads that any runtime may use.
    Common(Arc<Connections>),
    /// For PostgreSQL, whose connections are sockets.
    OfRuntime(Arc<PerRuntime<Connections>>),
}

impl Lane {
    /// Runs a statement to its end.
    pub(in crate::storage) async fn run(&self, statement: impl Fn() -> Statement) -> Result<Answer, Unavailable> {
        let connections = self.connections();
        connections.run(connections.patience(), statement).await
    }

    /// As [`Lane::run`], for a statement that may take longer than others.
    pub(in crate::storage) async fn run_within(
        &self,
        patience: Duration,
        statement: impl Fn() -> Statement,
    ) -> Result<Answer, Unavailable> {
        self.connections().run(patience, statement).await
    }

    /// Runs statements in one transaction; `then` others follow if the last one changes anything. Returns the answer of
    /// that one.
    pub(in crate::storage) async fn run_together(
        &self,
        statements: impl Fn() -> Vec<Statement>,
        then: impl Fn() -> Vec<Statement>,
    ) -> Result<Answer, Unavailable> {
        let connections = self.connections();
        connections.run_together(connections.patience(), statements, then).await
    }

    /// As [`Lane::run_together`], for statements that may take longer than others.
    pub(in crate::storage) async fn run_together_within(
        &self,
        patience: Duration,
        statements: impl Fn() -> Vec<Statement>,
    ) -> Result<Answer, Unavailable> {
        self.connections().run_together(patience, statements, Vec::new).await
    }

    /// As [`Lane::run_together`], for statements of which the last one searches.
    pub(in crate::storage) async fn search(
        &self,
        patience: Duration,
        statements: impl Fn() -> Vec<Statement>,
    ) -> Result<Answer, SearchError> {
        self.connections().search(patience, statements).await
    }

    fn connections(&self) -> Arc<Connections> {
        match self {
            Self::Common(connections) => Arc::clone(connections),
            Self::OfRuntime(connections) => connections.here(),
        }
    }
}
