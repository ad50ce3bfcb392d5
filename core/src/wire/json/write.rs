//! Writing JSON: strings, and bytes that may be none.

use embedded_io::Write;

/// Writes `text` as a string, with its quotes. O(n).
pub(crate) fn string<W: Write>(text: &str, out: &mut W) -> Result<(), W::Error> {
    out.write_all(b"\"")?;
    escape(text.as_bytes(), out)?;
    out.write_all(b"\"")
}

/// Writes some of what stands between the quotes of a string, from UTF-8. O(n).
pub(crate) fn escape<W: Write>(mut rest: &[u8], out: &mut W) -> Result<(), W::Error> {
    while !rest.is_empty() {
        let plain = rest.iter().position(|byte| needs_escape(*byte)).unwrap_or(rest.len());
        let (before, escaped) = rest.split_at_checked(plain).unwrap_or((rest, &[]));
        if !before.is_empty() {
            out.write_all(before)?;
        }
        let Some((byte, behind)) = escaped.split_first() else { break };
        match byte {
            b'"' => out.write_all(b"\\\"")?,
            b'\\' => out.write_all(b"\\\\")?,
            b'\n' => out.write_all(b"\\n")?,
            b'\r' => out.write_all(b"\\r")?,
            b'\t' => out.write_all(b"\\t")?,
            control => out.write_all(&[b'\\', b'u', b'0', b'0', hex(control >> 4), hex(control & 15)])?,
        }
        rest = behind;
    }
    Ok(())
}

/// DEL is no control character to JSON, but to a terminal.
const fn needs_escape(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\' || byte == 0x7f
}

const fn hex(digit: u8) -> u8 {
    if digit < 10 { b'0'.wrapping_add(digit) } else { b'a'.wrapping_add(digit.wrapping_sub(10)) }
}

/// Writes a member for `bytes`: `"data":` and a string if they are UTF-8, else `"data64":` and what they are in base64
/// (RFC 4648). O(n).
pub(crate) fn data<W: Write>(bytes: &[u8], out: &mut W) -> Result<(), W::Error> {
    match core::str::from_utf8(bytes) {
        Ok(text) => {
            out.write_all(b"\"data\":")?;
            string(text, out)
        }
        Err(_) => {
            out.write_all(b"\"data64\":\"")?;
            base64(bytes, out)?;
            out.write_all(b"\"")
        }
    }
}

/// How many bytes [`data`] writes. O(n).
pub(crate) fn data_len(bytes: &[u8]) -> usize {
    let mut length = Length::default();
    let Ok(()) = data(bytes, &mut length);
    length.bytes()
}

/// Counts what is written, and keeps none of it.
#[derive(Debug, Default)]
pub(crate) struct Length(usize);

impl Length {
    pub(crate) const fn bytes(&self) -> usize {
        self.0
    }
}

impl embedded_io::ErrorType for Length {
    type Error = core::convert::Infallible;
}

impl Write for Length {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Self::Error> {
        self.0 = self.0.saturating_add(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }

    // The one that embedded-io has could panic.
    fn write_all(&mut self, bytes: &[u8]) -> Result<(), Self::Error> {
        self.write(bytes).map(drop)
    }
}

fn base64<W: Write>(bytes: &[u8], out: &mut W) -> Result<(), W::Error> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit = |bits: u32| DIGITS.get((bits & 63) as usize).copied().unwrap_or(b'=');
    for three in bytes.chunks(3) {
        let byte = |i: usize| u32::from(three.get(i).copied().unwrap_or_default());
        let bits = (byte(0) << 16) | (byte(1) << 8) | byte(2);
        let mut four = [digit(bits >> 18), digit(bits >> 12), digit(bits >> 6), digit(bits)];
        four.iter_mut().skip(three.len().wrapping_add(1)).for_each(|missing| *missing = b'=');
        out.write_all(&four)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::string::String;
    use std::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    fn written(bytes: &[u8]) -> String {
        let mut out = Vec::new();
        data(bytes, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_is_no_text_is_base64() {
        for (bytes, expected) in
            [(&b"\xff"[..], "/w=="), (b"\xff\xfe", "//4="), (b"\xff\xfea", "//5h"), (b"\xfffoobar", "/2Zvb2Jhcg==")]
        {
            assert_eq!(written(bytes), std::format!("\"data64\":\"{expected}\""));
        }
        assert_eq!(written(b"a\"\\\n\x01\x7f"), r#""data":"a\"\\\n\u0001\u007f""#);
        assert_eq!(written(b""), r#""data":"""#);
    }

    proptest! {
        #[test]
        fn strings_are_read_back(text in any::<String>()) {
            let mut out = Vec::new();
            string(&text, &mut out).unwrap();
            prop_assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
        }
    }
}
