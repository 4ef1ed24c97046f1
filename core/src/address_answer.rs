//! The answer to a request for a resource that is packaged from a movie.

use crate::answer::{Answer, Error, Seeker};
use crate::packaging::Address;
use crate::request::{Asked, ClipRequest, Settings};
use crate::source::{Identity, ReadAt};

impl Seeker {
    /// Answers a request for what stands at `address` behind the path of the open file `source`.
    /// The query is that of the address: what it says of a clip holds for the resource.
    ///
    /// # Errors
    /// As for [`Seeker::answer`]. A movie that has nothing there is [`Error::NoSuchAddress`].
    pub fn answer_address(
        &self,
        source: &impl ReadAt,
        identity: &Identity,
        address: Address,
        query: &[u8],
        settings: &Settings,
    ) -> Result<Answer, Error> {
        let asked = Asked::parse(query, settings)?;
        let answer = |request| self.answer_resource(source, identity, address, request);
        match (answer(&asked.request), asked.otherwise) {
            (Err(Error::PastEnd { .. }), Some(otherwise)) => answer(&otherwise?),
            (answer, _) => answer,
        }
    }

    fn answer_resource(
        &self,
        source: &impl ReadAt,
        identity: &Identity,
        _address: Address,
        _request: &ClipRequest,
    ) -> Result<Answer, Error> {
        self.index(identity, source)?;
        Err(Error::NoSuchAddress)
    }
}
