//! `/moments`: statistics of posted numbers, in fixed point, since the chip has no floating-point unit.

use core::fmt;

use embedded_io::Write as _;
use streamgauge_core::connection::{Answer, AnswerFull, Reply, Service};
use streamgauge_core::endpoints::{Request, Response, Status};
use streamgauge_core::engine::Dump;
use streamgauge_core::stats::FixedMoments;
use streamgauge_core::wire::lines;

/// Numbers and results have sixteen bits after the point: from -32768 to just below 32768, in steps of 2^-16.
const FRACTION: u32 = 16;

/// Moments in front of other services.
///
/// POST takes one decimal number a line, all or none of them; GET answers with the moments; `?reset=1` begins anew.
#[derive(Debug)]
pub struct Moments<T> {
    moments: FixedMoments<i32, FRACTION>,
    /// They answer all other paths.
    pub others: T,
}

impl<T> Moments<T> {
    /// No numbers yet; `others` answer all other paths.
    pub fn before(others: T) -> Self {
        Self { moments: FixedMoments::new(), others }
    }
}

impl<T: Service> Service for Moments<T> {
    fn call(&mut self, request: Request<'_>, answer: &mut Answer<'_>) -> Result<Reply, AnswerFull> {
        if !request.path.starts_with(b"/moments") {
            return self.others.call(request, answer);
        }
        if request.method != streamgauge_core::endpoints::Method::Head {
            for line in lines::split(request.body, b'\n') {
                if parse(line.trim_ascii()).is_none() {
                    answer.write_all(b"not a number from -32768 to 32767.99998: ")?;
                    answer.write_all(line.get(..40).unwrap_or(line))?;
                    answer.write_all(b"\n")?;
                    return Ok(Reply::Response(Response::text(Status::BadRequest)));
                }
            }
            if request.query.get("reset").is_some() {
                self.moments = FixedMoments::new();
            }
            lines::split(request.body, b'\n')
                .filter_map(|line| parse(line.trim_ascii()))
                .for_each(|x| self.moments.push(x));
        }
        let moments = &self.moments;
        // The variance has 32 bits after the point.
        let variance = moments.sample_variance_raw().map(|raw| (raw >> 16).saturating_add(raw >> 15 & 1));
        let rows = [
            ("mean", moments.mean_raw().map(i64::from)),
            ("variance", variance.map(|raw| i64::try_from(raw).unwrap_or(i64::MAX))),
            ("stddev", moments.sample_stddev_raw().map(i64::from)),
            ("skewness", moments.skewness_raw()),
            ("kurtosis", moments.excess_kurtosis_raw()),
        ];
        line(answer, format_args!("count:{}\n", moments.count()))?;
        for (name, value) in rows {
            match value {
                Some(raw) => line(answer, format_args!("{name}:{}\n", Decimal(raw)))?,
                None => line(answer, format_args!("{name}:none\n"))?,
            }
        }
        Ok(Reply::Response(Response::text(Status::Ok)))
    }

    fn dump(&mut self, dump: &mut Dump, answer: &mut Answer<'_>) -> Result<bool, AnswerFull> {
        self.others.dump(dump, answer)
    }
}

fn line(answer: &mut Answer<'_>, text: fmt::Arguments<'_>) -> Result<(), AnswerFull> {
    answer.write_fmt(text).map_err(|_| AnswerFull)
}

/// A decimal number, rounded to the nearest multiple of 2^-16, halves away from zero: by nine digits behind the point.
fn parse(text: &[u8]) -> Option<i32> {
    let (negative, digits) = match text.split_first()? {
        (b'-', rest) => (true, rest),
        _ => (false, text),
    };
    let point = digits.iter().position(|byte| *byte == b'.');
    let (whole, rest) = digits.split_at_checked(point.unwrap_or(digits.len()))?;
    let fraction = rest.get(1..).unwrap_or_default();
    if whole.is_empty() || point.is_some() && fraction.is_empty() || !fraction.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let fraction = fraction.get(..9).unwrap_or(fraction);
    let decimal = |digits: &[u8]| {
        digits.iter().try_fold(0_u64, |number, digit| {
            let digit = digit.is_ascii_digit().then(|| u64::from(digit & 15))?;
            number.checked_mul(10)?.checked_add(digit)
        })
    };
    let scale = fraction.iter().fold(1_u64, |scale, _| scale * 10);
    let doubled = (decimal(fraction)? << (FRACTION + 1)).checked_div(scale)?;
    let magnitude = decimal(whole)?.checked_mul(1 << FRACTION)?.checked_add((doubled + 1) >> 1)?;
    let magnitude = i64::try_from(magnitude).ok()?;
    i32::try_from(if negative { -magnitude } else { magnitude }).ok()
}

/// A number with sixteen bits after the point, to five decimals.
struct Decimal(i64);

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let magnitude = u128::from(self.0.unsigned_abs());
        let decimals = (magnitude * 100_000 + (1 << (FRACTION - 1))) >> FRACTION;
        let (whole, fraction) = (decimals / 100_000, decimals % 100_000);
        write!(f, "{}{}.{:05}", if self.0 < 0 { "-" } else { "" }, whole as u64, fraction as u64)
    }
}
