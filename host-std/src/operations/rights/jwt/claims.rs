//! What a token says, and for whom and when it says it.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{BadJwt, Policy};
use crate::operations::rights::holder::Terms;

/// What the claims of a token give now.
///
/// # Errors
/// Why they give nothing.
pub(super) fn terms(claims: &Value, policy: &Policy, now: Timestamp) -> Result<Terms, BadJwt> {
    let expires = claims.get("exp").and_then(time).ok_or(BadJwt::NoEnd)?;
    if expires <= now {
        return Err(BadJwt::Over);
    }
    if let Some(begins) = claims.get("nbf")
        && time(begins).is_none_or(|begins| begins > now)
    {
        return Err(BadJwt::Early);
    }
    let is_ours = |name: &Value| name.as_str().is_some_and(|name| policy.audience.iter().any(|own| own == name));
    let is_for_us = match claims.get("aud") {
        // RFC 7519, 4.1.3: who has no name is not among the named.
        Some(Value::Array(names)) => names.iter().any(is_ours),
        Some(name) => is_ours(name),
        None => policy.audience.is_empty(),
    };
    if !is_for_us {
        return Err(BadJwt::Audience);
    }
    let issuer = claims.get("iss").and_then(Value::as_str);
    if policy.issuer.as_deref().is_some_and(|own| issuer != Some(own)) {
        return Err(BadJwt::Issuer);
    }
    let grants = claims.get("rights").and_then(Value::as_str).and_then(|rights| rights.parse().ok());
    let name = claims.get("sub").and_then(Value::as_str).map(str::to_owned);
    Ok(Terms { grants: grants.ok_or(BadJwt::Rights)?, expires: Some(expires), name, ..Terms::default() })
}

/// A `NumericDate`: seconds since 1970, which may have a fraction. One that is later than all times there are is the last.
fn time(value: &Value) -> Option<Timestamp> {
    let seconds = value.as_f64().filter(|seconds| seconds.is_finite())?;
    let since = SignedDuration::try_from_secs_f64(seconds).ok();
    let time = since.and_then(|since| Timestamp::from_duration(since).ok());
    Some(time.unwrap_or(if seconds < 0.0 { Timestamp::MIN } else { Timestamp::MAX }))
}
