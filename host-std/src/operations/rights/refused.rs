//! Why a request is refused, and how that is said.

use std::fmt;

use http::StatusCode;
use streamgauge_core::endpoints::Need;

use super::grants::Words;
use super::jwt::BadJwt;
use super::quota::Debt;
use crate::server::Refusal;

/// Why a request is refused. As text it is a line without its end that says what is missing, and nothing of the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It has no token.
    NoToken,
    /// What it has is no bearer token.
    NoBearer,
    /// Nobody has this token.
    Unknown,
    /// Nobody has it any longer.
    Expired,
    /// It is signed, but not so that it counts.
    BadJwt(BadJwt),
    /// Its ticket is none, or is over.
    BadTicket,
    /// A ticket does not change anything.
    OnlyATicket,
    /// The token does not give what is needed.
    Lacks(Need),
    /// More was sent than may be.
    Debt(Debt),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoToken => f.write_str("this needs a token: send it as Authorization: Bearer TOKEN"),
            Self::NoBearer => f.write_str("what Authorization has must be Bearer and a token"),
            Self::Unknown => f.write_str("this token is not known here"),
            Self::Expired => f.write_str("this token has expired"),
            Self::BadJwt(why) => write!(f, "this token is not accepted: {why}"),
            Self::BadTicket => {
                f.write_str("this ticket has expired, or is none of this server: POST /ticket gives another")
            }
            Self::OnlyATicket => f.write_str("a ticket is for looking only: this needs the token itself"),
            Self::Lacks(Need::Right(right, about)) => {
                write!(f, "this token has no right {} on {}", right.name(), Words(*about))
            }
            Self::Lacks(Need::Any(about)) => write!(f, "this token has no right on {}", Words(*about)),
            Self::Lacks(Need::Nothing | Need::Known) => f.write_str("this token has no rights"),
            Self::Debt(Debt { what, rate, .. }) => write!(f, "the quota of {rate} {what} a second is used up"),
        }
    }
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        let refusal = |status| Self::new(status, refused.to_string());
        let challenge = |status, text: &str| refusal(status).with("www-authenticate", text);
        match refused {
            // RFC 6750, 3.1: who has shown nothing is told nothing more.
            Refused::NoToken | Refused::NoBearer => challenge(StatusCode::UNAUTHORIZED, "Bearer"),
            Refused::Unknown | Refused::Expired | Refused::BadJwt(_) | Refused::BadTicket => {
                challenge(StatusCode::UNAUTHORIZED, "Bearer error=\"invalid_token\"")
            }
            Refused::OnlyATicket | Refused::Lacks(_) => {
                challenge(StatusCode::FORBIDDEN, "Bearer error=\"insufficient_scope\"")
            }
            Refused::Debt(Debt { what, rate, left }) => {
                let seconds = left.as_nanos().div_ceil(1_000_000_000);
                refusal(StatusCode::TOO_MANY_REQUESTS).with("retry-after", seconds.to_string()).at_limit(what, rate)
            }
        }
    }
}
