//! Forms of the Query protocol.

pub(crate) use posthouse_aws_client::percent::encode;

/// A form: `name=value` pairs with ampersands between them.
pub(crate) fn form<N: AsRef<str>, V: AsRef<str>>(pairs: &[(N, V)]) -> String {
    let pairs: Vec<String> =
        pairs.iter().map(|(name, value)| format!("{}={}", encode(name.as_ref()), encode(value.as_ref()))).collect();
    pairs.join("&")
}
