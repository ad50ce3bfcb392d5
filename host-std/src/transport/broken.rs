//! Why a TLS session has not come about, or is over, in words.

use std::fmt::{self, Display};
use std::path::Path;

use rustls::{AlertDescription, CertificateError, Error, InvalidMessage};

/// What went wrong.
#[derive(Debug)]
pub(crate) struct Broken(pub(super) Error);

impl Broken {
    /// Whether the other side has refused who this side is: then it has read nothing of what was sent.
    pub(crate) const fn is_refusal(&self) -> bool {
        matches!(
            self.0,
            Error::AlertReceived(
                AlertDescription::CertificateRequired
                    | AlertDescription::UnknownCA
                    | AlertDescription::BadCertificate
                    | AlertDescription::UnsupportedCertificate
                    | AlertDescription::CertificateRevoked
                    | AlertDescription::CertificateExpired
                    | AlertDescription::CertificateUnknown
                    | AlertDescription::AccessDenied
            )
        )
    }
}

impl Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Error::InvalidCertificate(why) => {
                write!(f, "the certificate of the other side does not count: {}", Certificate(why))
            }
            Error::NoCertificatesPresented | Error::AlertReceived(AlertDescription::CertificateRequired) => {
                f.write_str("a certificate of the client is asked for (--client-cert, --client-key)")
            }
            Error::AlertReceived(AlertDescription::UnknownCA) => {
                f.write_str("the other side does not trust who has signed the certificate that it was shown")
            }
            Error::AlertReceived(alert) if self.is_refusal() => {
                write!(f, "the other side refuses the certificate that it was shown: {}", Words(alert))
            }
            Error::AlertReceived(alert) => write!(f, "the other side has ended the session: {}", Words(alert)),
            Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
                f.write_str("the other side does not speak TLS")
            }
            other => other.fmt(f),
        }
    }
}

impl std::error::Error for Broken {}

/// What is wrong with a certificate and its key, which are in these files.
pub(crate) fn misfit(error: &Error, certificate: &Path, key: &Path) -> String {
    let [certificate, key] = [certificate, key].map(Path::display);
    match error {
        Error::InconsistentKeys(_) => format!("{key} is not the key of {certificate}"),
        error => format!("{certificate}: {}", of_file(error)),
    }
}

/// What is wrong with a certificate of a file.
pub(super) fn of_file(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(why) => Certificate(why).to_string(),
        other => other.to_string(),
    }
}

/// Why a certificate does not count.
struct Certificate<'a>(&'a CertificateError);

impl Display for Certificate<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            CertificateError::UnknownIssuer => f.write_str("nobody who is trusted has signed it"),
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => f.write_str("it has expired"),
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                f.write_str("it is not valid yet")
            }
            CertificateError::NotValidForNameContext { expected, .. } => {
                write!(f, "it is not for the name {}", expected.to_str())
            }
            CertificateError::BadEncoding => f.write_str("it can't be read"),
            CertificateError::Other(why) => {
                // What is in it is of a crate that is not named here, and shows nothing but its name.
                let why = format!("{:?}", why.0);
                if why == "UnsupportedCertVersion" {
                    f.write_str("it is of version 1 of X.509, without extensions, and version 3 is needed")
                } else {
                    Words(&why).fmt(f)
                }
            }
            other => other.fmt(f),
        }
    }
}

/// A name of many words as those: `CertificateExpired` is `certificate expired`.
struct Words<T>(T);

impl<T: fmt::Debug> Display for Words<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = format!("{:?}", self.0);
        let mut was_lower = false;
        for char in name.chars().filter(|char| *char != '"') {
            if char.is_ascii_uppercase() && was_lower {
                f.write_str(" ")?;
            }
            was_lower = char.is_ascii_lowercase();
            write!(f, "{}", char.to_ascii_lowercase())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rustls::OtherError;

    use super::*;

    #[test]
    fn nothing_is_told_by_the_names_of_a_program() {
        #[derive(Debug)]
        struct UnsupportedCertVersion;
        impl Display for UnsupportedCertVersion {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(self, f)
            }
        }
        impl std::error::Error for UnsupportedCertVersion {}
        let old = || CertificateError::Other(OtherError(Arc::new(UnsupportedCertVersion)));
        let says = |error: Error, words: &str| assert_eq!(Broken(error).to_string(), words);
        let counts = "the certificate of the other side does not count: ";
        says(
            Error::InvalidCertificate(old()),
            &format!("{counts}it is of version 1 of X.509, without extensions, and version 3 is needed"),
        );
        says(
            Error::InvalidCertificate(CertificateError::UnknownIssuer),
            &format!("{counts}nobody who is trusted has signed it"),
        );
        says(
            Error::AlertReceived(AlertDescription::CertificateExpired),
            "the other side refuses the certificate that it was shown: certificate expired",
        );
        says(
            Error::AlertReceived(AlertDescription::ProtocolVersion),
            "the other side has ended the session: protocol version",
        );
        let file = |error| misfit(&error, Path::new("a.pem"), Path::new("a.key"));
        assert!(file(Error::InvalidCertificate(old())).starts_with("a.pem: it is of version 1 "));
        assert_eq!(
            file(Error::InconsistentKeys(rustls::InconsistentKeys::KeyMismatch)),
            "a.key is not the key of a.pem"
        );
    }
}
