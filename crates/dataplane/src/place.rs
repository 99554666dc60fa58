//! Where one VPC lives on this gateway.

/// A VPC's router namespace and its two links.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The namespace's name, as `ip netns` knows it; `None` is the one the process runs in.
    pub netns: Option<String>,
    /// The link towards the VPC's subnet.
    pub inside: String,
    /// The link towards the public network.
    pub outside: String,
    /// EIPs are answered for by ARP on the outside; otherwise they are routed to this gateway.
    pub arp: bool,
    /// Whoever is inside reaches the EIPs of the VPC, with connection tracking; otherwise only a HAVIP with an EIP does.
    pub hairpin: bool,
}

impl Place {
    /// The namespace, for people.
    pub fn namespace(&self) -> String {
        self.netns
            .as_ref()
            .map_or("the host's own namespace".to_owned(), |name| format!("namespace {name:?}"))
    }
}

impl Place {
    /// Tells one namespace from another of the same name that came after it; `None` when there is none by that name.
    pub fn identity(&self) -> Option<u64> {
        let path = match &self.netns {
            Some(name) => std::path::Path::new("/run/netns").join(name),
            None => std::path::PathBuf::from("/proc/self/ns/net"),
        };
        std::fs::metadata(path).ok().map(|metadata| std::os::unix::fs::MetadataExt::ino(&metadata))
    }
}
