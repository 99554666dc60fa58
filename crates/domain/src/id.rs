//! Typed ids: a UUIDv7 that knows what it names, so that one kind can't stand where another belongs.

use std::{fmt, hash::Hash, marker::PhantomData, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What a typed id names.
pub trait Kind: 'static {
    /// The collection in a resource name, such as `eips`.
    const COLLECTION: &'static str;
    /// The word for people, such as `EIP`.
    const WORD: &'static str;
}

/// The UUID of a `K`.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub struct Id<K> {
    uuid: Uuid,
    #[serde(skip)]
    kind: PhantomData<fn() -> K>,
}

impl<K> Id<K> {
    /// The id with this UUID.
    pub const fn new(uuid: Uuid) -> Self {
        Self { uuid, kind: PhantomData }
    }

    /// Its UUID.
    pub const fn uuid(self) -> Uuid {
        self.uuid
    }
}

impl<K> Clone for Id<K> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<K> Copy for Id<K> {}
impl<K> PartialEq for Id<K> {
    fn eq(&self, other: &Self) -> bool {
        self.uuid == other.uuid
    }
}
impl<K> Eq for Id<K> {}
impl<K> PartialOrd for Id<K> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<K> Ord for Id<K> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.uuid.cmp(&other.uuid)
    }
}
impl<K> Hash for Id<K> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.uuid.hash(state);
    }
}
impl<K> fmt::Display for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.uuid.fmt(f)
    }
}
impl<K: Kind> fmt::Debug for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", K::COLLECTION, self.uuid)
    }
}
impl<K> FromStr for Id<K> {
    type Err = uuid::Error;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::parse_str(text).map(Self::new)
    }
}

macro_rules! kinds {
    ($($marker:ident $id:ident $collection:literal $word:literal;)*) => {$(
        #[doc = concat!("Marks ids of a ", $word, ".")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $marker {}
        impl Kind for $marker {
            const COLLECTION: &'static str = $collection;
            const WORD: &'static str = $word;
        }
        #[doc = concat!("The id of a ", $word, ".")]
        pub type $id = Id<$marker>;
    )*};
}

kinds! {
    Pool PoolId "pools" "pool";
    Vpc VpcId "vpcs" "VPC";
    Subnet SubnetId "subnets" "subnet";
    Vnic VnicId "vnics" "vNIC";
    Havip HavipId "havips" "HAVIP";
    Eip EipId "eips" "EIP";
    Binding BindingId "bindings" "binding";
}
