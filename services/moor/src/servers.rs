//! Which server each service is asked at: one for all of them, or one each.

use clap::Args;

/// The flags that say where the services are. One `mooringd` is all four; of services apart each has its own.
#[derive(Debug, Args)]
pub struct Servers {
    /// The server: an http URL, or unix:PATH
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "MOORING_SERVER",
        default_value = "http://127.0.0.1:7440"
    )]
    server: String,
    /// The resource service, where it runs apart [default: --server]
    #[arg(long, global = true, value_name = "URL", env = "MOORING_RESOURCE_SERVER")]
    resource_server: Option<String>,
    /// The binding service, where it runs apart [default: --server]
    #[arg(long, global = true, value_name = "URL", env = "MOORING_BINDING_SERVER")]
    binding_server: Option<String>,
    /// The health service, where it runs apart [default: --server]
    #[arg(long, global = true, value_name = "URL", env = "MOORING_HEALTH_SERVER")]
    health_server: Option<String>,
    /// The dataplane-sync of the gateway that is to answer for itself and for the log, where it runs apart
    /// [default: --server]
    #[arg(long, global = true, value_name = "URL", env = "MOORING_DATAPLANE_SERVER")]
    dataplane_server: Option<String>,
}

/// One server, and which service it was named for; none when it was named for all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Its URL.
    pub url: String,
    service: Option<&'static str>,
}

impl Servers {
    /// Resource's.
    pub fn resource(&self) -> Server {
        self.of("resource", self.resource_server.as_ref())
    }

    /// Binding's.
    pub fn binding(&self) -> Server {
        self.of("binding", self.binding_server.as_ref())
    }

    /// Health's.
    pub fn health(&self) -> Server {
        self.of("health", self.health_server.as_ref())
    }

    /// A gateway's.
    pub fn dataplane(&self) -> Server {
        self.of("dataplane", self.dataplane_server.as_ref())
    }

    fn of(&self, service: &'static str, own: Option<&String>) -> Server {
        // What compose files and scripts leave empty is left out.
        match own.filter(|url| !url.is_empty()) {
            Some(url) => Server { url: url.clone(), service: Some(service) },
            None => Server { url: self.server.clone(), service: None },
        }
    }
}

impl Server {
    /// One that is named for all services.
    #[cfg(test)]
    pub fn of_all(url: &str) -> Self {
        Self { url: url.to_owned(), service: None }
    }

    /// The dataplane-sync of one more gateway.
    pub fn of_gateway(url: &str) -> Self {
        Self { url: url.to_owned(), service: Some("dataplane") }
    }

    /// How it is called in a sentence.
    pub fn name(&self) -> String {
        match self.service {
            None => format!("the server at {}", self.url),
            Some("dataplane") => format!("dataplane-sync at {}", self.url),
            Some(service) => format!("the {service} service at {}", self.url),
        }
    }

    /// Where it was named.
    pub fn flags(&self) -> String {
        match self.service {
            None => "--server or MOORING_SERVER".to_owned(),
            Some(service) => format!("--{service}-server or MOORING_{}_SERVER", service.to_uppercase()),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        servers: Servers,
    }

    fn servers(line: &str) -> Servers {
        Line::try_parse_from(line.split(' ')).unwrap().servers
    }

    #[test]
    fn a_service_that_is_not_named_is_at_the_one_server() {
        let servers = servers("moor --server http://all:1 --health-server http://health:3 --binding-server=");
        assert_eq!(servers.resource().url, "http://all:1");
        assert_eq!(servers.binding().url, "http://all:1");
        assert_eq!(servers.health().url, "http://health:3");
        assert_eq!(servers.dataplane(), servers.resource());
    }

    #[test]
    fn a_server_is_called_by_what_it_was_named_for() {
        let servers = servers("moor --health-server http://health:3 --dataplane-server http://gw-1:4");
        assert_eq!(servers.resource().name(), "the server at http://127.0.0.1:7440");
        assert_eq!(servers.resource().flags(), "--server or MOORING_SERVER");
        assert_eq!(servers.health().name(), "the health service at http://health:3");
        assert_eq!(servers.health().flags(), "--health-server or MOORING_HEALTH_SERVER");
        assert_eq!(servers.dataplane().name(), "dataplane-sync at http://gw-1:4");
    }
}
