//! Apache Iggy, behind the feature `iggy`: its client library nearly doubles the number of packages that the load test
//! is built from, so that it is built on request. Without the feature the scheme is known, and says how to get it.

#[cfg(feature = "iggy")]
mod adapter;

#[cfg(feature = "iggy")]
pub(super) use adapter::open;

/// Opens the target of an `iggy://` URL: not with what this program was built from.
#[cfg(not(feature = "iggy"))]
pub(super) fn open(_: &super::Address) -> Result<std::sync::Arc<dyn crate::target::Target>, crate::target::Failure> {
    let how = "built without the feature `iggy`; `cargo build -p posthouse-loadtest --features iggy` has it";
    Err(crate::target::Failure::Unsupported(how.to_owned()))
}

#[cfg(all(test, not(feature = "iggy")))]
mod tests {
    #[test]
    fn without_the_feature_the_scheme_says_how_to_get_it() {
        let address: super::super::Address = "iggy://127.0.0.1".parse().expect("the scheme is known");
        let failure = address.open().err().expect("it cannot be opened");
        assert!(failure.is_final() && failure.to_string().contains("feature `iggy`"), "{failure}");
    }
}
