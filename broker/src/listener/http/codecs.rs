//! The codecs of the AWS API: one for each shard, so that what they remember is of one thread. A reload of the users replaces
//! them all, and with them what they remember of the secrets of users.

use std::sync::{Arc, PoisonError, RwLock};

use posthouse_aws::envelope::Signer;
use posthouse_aws::{Access, AllowedHosts, Aws, Options, PublicUrl};
use posthouse_model::{HandleKey, Region};

use crate::configuration::Users;
use crate::core_client::ShardNumber;

/// What the codecs are made with, besides the users. The fields mean what those of [`Options`] do.
#[derive(Clone)]
pub struct CodecOptions {
    /// The region of requests that name none.
    pub default_region: Region,
    /// What the URLs in answers start with.
    pub public_url: Option<PublicUrl>,
    /// What receipt handles are sealed with.
    pub handle_key: HandleKey,
    /// What notifications are signed with.
    pub signer: Signer,
    /// The host names that requests may be sent to where there are no users.
    pub allowed_hosts: AllowedHosts,
}

/// The codecs of all shards.
pub struct Codecs {
    options: CodecOptions,
    of_shards: Box<[RwLock<Arc<Aws>>]>,
}

impl Codecs {
    /// One for each of `shards`, for requests of these users.
    #[must_use]
    pub fn new(shards: usize, options: CodecOptions, users: &Users) -> Self {
        let of_shards = (0..shards).map(|_| RwLock::new(Arc::new(codec(&options, users)))).collect();
        Self { options, of_shards }
    }

    /// The codec of a shard, for one request. Only the shard's own threads take its lock, so that it is free.
    pub(super) fn of(&self, shard: ShardNumber) -> Arc<Aws> {
        Arc::clone(&self.of_shards[shard.index()].read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Verifies later requests by the keys of other users.
    pub fn replace(&self, users: &Users) {
        for codec_of_shard in &self.of_shards {
            *codec_of_shard.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(codec(&self.options, users));
        }
    }
}

fn codec(options: &CodecOptions, users: &Users) -> Aws {
    let CodecOptions { default_region, public_url, handle_key, signer, allowed_hosts } = options.clone();
    let access = if users.is_empty() { Access::Open } else { Access::Secured(Box::new(users.clone())) };
    Aws::new(Options { access, default_region, public_url, handle_key, signer, allowed_hosts })
}
