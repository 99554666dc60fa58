//! `moor … delete`: the same for everything that can be deleted.

use serde_json::json;

use crate::{
    failure::Failure,
    invocation::{Invocation, Resource},
    resolve::Argument,
    revision::Expected,
};

/// A thing that can be deleted.
pub trait Deletable: Resource {
    /// Its place on the command line.
    const PLACE: &'static str;
    /// The word for people.
    const WORD: &'static str;
    /// Asks for it; answers with the position.
    async fn delete(moor: &Invocation, name: String, expected: Expected) -> Result<u64, Failure>;
}

/// Deletes what was written.
pub async fn delete<R: Deletable>(moor: &Invocation, text: &str, expected: Expected) -> Result<(), Failure> {
    let argument = Argument::new(R::PLACE, text);
    let name = moor.named::<R>(argument)?;
    let position = R::delete(moor, name, expected).await.map_err(|failure| argument.failed(failure))?;
    let word = R::WORD;
    moor.done(&format!("{word} {text} deleted at position {position}"), json!({"position": position}))
}

/// Deletes by the method of that name of resource.
macro_rules! deletable {
    ($thing:ident $place:literal $word:literal $request:ident $method:ident) => {
        impl $crate::delete::Deletable for $thing {
            const PLACE: &'static str = $place;
            const WORD: &'static str = $word;

            async fn delete(moor: &Invocation, name: String, expected: Expected) -> Result<u64, Failure> {
                let (request_id, validate_only) = moor.of_write();
                let expected_revision = expected.revision;
                let message = $request { name, request_id, validate_only, expected_revision };
                let rpc = async |channel, request| ResourceServiceClient::new(channel).$method(request).await;
                Ok(moor.write(&moor.resource, message, rpc).await?.position)
            }
        }
    };
}
pub(crate) use deletable;
