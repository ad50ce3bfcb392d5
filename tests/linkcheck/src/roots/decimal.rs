//! Numbers as text.

use crate::given::given;
use streamgauge_core::wire::decimal::Decimal;

roots! {
    decimal_shortest => Decimal::shortest(*given());
    decimal_rounded => Decimal::rounded(*given(), *given());
    decimal_readable => Decimal::readable(*given(), *given());
    decimal_as_str => given::<Decimal>().as_str();
    decimal_as_bytes => given::<Decimal>().as_bytes();
}

sizes! {
    "wire: Decimal": Decimal;
}
