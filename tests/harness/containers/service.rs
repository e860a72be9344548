//! A service as a container.

use super::{Container, Project};
use crate::{command::Run, runner::Runner};
use std::{collections::BTreeMap, process::ExitStatus, sync::Arc, time::Duration};

/// The container of one of the services, or of a replica of it.
#[derive(Debug)]
pub(crate) struct ContainerOf {
    project: Arc<Project>,
    service: &'static str,
    container: Container,
    /// Another container of the same service, which clients and operators reach at these ports.
    replica_at: Option<[u16; 2]>,
    /// The logs of earlier containers, which were replaced by one with other settings.
    earlier_log: String,
}

impl ContainerOf {
    /// The service of `docker-compose.yml`.
    pub(crate) fn service(project: &Arc<Project>, service: &'static str) -> Self {
        Self::new(project, service, service, None)
    }

    /// A second one, published at these ports.
    pub(crate) fn replica(project: &Arc<Project>, service: &'static str, ports: [u16; 2]) -> Self {
        Self::new(project, service, "replica", Some(ports))
    }

    fn new(project: &Arc<Project>, service: &'static str, name: &str, replica_at: Option<[u16; 2]>) -> Self {
        let container = project.container(name);
        let project = Arc::clone(project);
        Self { project, service, container, replica_at, earlier_log: String::new() }
    }

    fn make(&mut self, settings: &BTreeMap<String, String>) {
        if self.container.exists() {
            self.earlier_log.push_str(&self.container.log());
        }
        match self.replica_at {
            None => self.project.make(self.service, settings),
            Some(ports) => self.project.make_beside(self.service, &self.container, settings, ports),
        }
    }
}

impl Runner for ContainerOf {
    fn start(&mut self, settings: &BTreeMap<String, String>) {
        if self.project.has_made(&self.container, settings) {
            // Nothing happens, if it runs.
            self.container.start();
        } else {
            self.make(settings);
        }
    }

    fn limit_open_files(&mut self, _: u64, _: u64) {
        panic!("the limits of a container are those of the engine");
    }

    fn ended(&mut self) -> Option<ExitStatus> {
        self.container.ended()
    }

    fn process_id(&self) -> u32 {
        self.container.process_id()
    }

    fn stop(&mut self, patience: Duration) -> ExitStatus {
        self.container.stop(patience)
    }

    fn kill(&mut self) {
        self.container.kill();
    }

    fn pause(&self) {
        self.container.pause();
    }

    fn resume(&self) {
        self.container.resume();
    }

    fn log(&self) -> String {
        format!("{}{}", self.earlier_log, self.container.log())
    }

    /// In its container, or in a new one if that does not run.
    fn command(&self, arguments: &[&str]) -> Run {
        if self.container.exists() && self.container.ended().is_none() {
            return Run::within(&self.container, self.service, arguments);
        }
        Run::within_new(&self.project, self.service, arguments)
    }
}
