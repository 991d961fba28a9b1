//! What the bytes of a value say, by the type of its column.

use parquet::basic::{ConvertedType, LogicalType, TimeUnit, Type as Physical};
use parquet::schema::types::ColumnDescriptor;

use crate::data::table::{Instant, Scalar, Shows};

/// Seconds of a day.
const DAY: i64 = 86_400;
/// The day, counted as astronomers do, on which 1970 began.
const JULIAN_1970: i64 = 2_440_588;

/// How the values of a column are written in its pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::data) enum Kind {
    Truth,
    Int,
    Unsigned,
    Half,
    Single,
    Double,
    /// Any bytes.
    Text,
    Uuid,
    /// A whole number, as its two's complement, the highest byte first where it is not a number of its own.
    Decimal {
        scale: u32,
        big: bool,
    },
    /// Days since 1970.
    Date,
    /// Since midnight, so many of them a second.
    Clock(i64),
    /// Since 1970, so many of them a second.
    Stamp {
        per_second: i64,
        zoned: bool,
    },
    /// Nanoseconds of a day, and the day.
    Int96,
}

impl Kind {
    /// None where a decimal number has more digits than 128 bits hold.
    pub fn of(column: &ColumnDescriptor) -> Option<Self> {
        let physical = column.physical_type();
        let big = matches!(physical, Physical::BYTE_ARRAY | Physical::FIXED_LEN_BYTE_ARRAY);
        let decimal = |scale: i32| {
            let fits = physical != Physical::FIXED_LEN_BYTE_ARRAY || column.type_length() <= 16;
            u32::try_from(scale).ok().filter(|&scale| fits && scale <= 38).map(|scale| Self::Decimal { scale, big })
        };
        let per_second = |unit: &TimeUnit| match unit {
            TimeUnit::MILLIS => 1_000,
            TimeUnit::MICROS => 1_000_000,
            TimeUnit::NANOS => 1_000_000_000,
        };
        if let Some(logical) = column.logical_type_ref() {
            match logical {
                LogicalType::Decimal(of) => return decimal(of.scale),
                LogicalType::Date => return Some(Self::Date),
                LogicalType::Time(of) => return Some(Self::Clock(per_second(&of.unit))),
                LogicalType::Timestamp(of) => {
                    return Some(Self::Stamp { per_second: per_second(&of.unit), zoned: of.is_adjusted_to_u_t_c });
                }
                LogicalType::Integer(of) if !of.is_signed => return Some(Self::Unsigned),
                LogicalType::Uuid => return Some(Self::Uuid),
                LogicalType::Float16 => return Some(Self::Half),
                _ => {}
            }
        }
        match column.converted_type() {
            ConvertedType::DECIMAL => return decimal(column.type_scale()),
            ConvertedType::DATE => return Some(Self::Date),
            ConvertedType::TIME_MILLIS => return Some(Self::Clock(1_000)),
            ConvertedType::TIME_MICROS => return Some(Self::Clock(1_000_000)),
            ConvertedType::TIMESTAMP_MILLIS => return Some(Self::Stamp { per_second: 1_000, zoned: true }),
            ConvertedType::TIMESTAMP_MICROS => return Some(Self::Stamp { per_second: 1_000_000, zoned: true }),
            ConvertedType::UINT_8 | ConvertedType::UINT_16 | ConvertedType::UINT_32 | ConvertedType::UINT_64 => {
                return Some(Self::Unsigned);
            }
            _ => {}
        }
        Some(match physical {
            Physical::BOOLEAN => Self::Truth,
            Physical::INT32 | Physical::INT64 => Self::Int,
            Physical::INT96 => Self::Int96,
            Physical::FLOAT => Self::Single,
            Physical::DOUBLE => Self::Double,
            Physical::BYTE_ARRAY | Physical::FIXED_LEN_BYTE_ARRAY => Self::Text,
        })
    }

    /// What a value says. Bytes of another length than the type has are not a number, which is a missing value.
    #[inline]
    pub fn scalar(self, bytes: &[u8]) -> Scalar<'_> {
        let real = |number: f64| if number.is_nan() { Scalar::Missing } else { Scalar::Real(number) };
        let instant = |seconds: i64, nanos: u32, shows| Scalar::Instant(Instant { seconds, nanos, shows });
        let since = |number: i64, per_second: i64, shows| {
            let nanos = number.rem_euclid(per_second) * (1_000_000_000 / per_second);
            instant(number.div_euclid(per_second), nanos as u32, shows)
        };
        match self {
            Self::Truth => Scalar::Truth(bytes != [0]),
            Self::Int => whole(bytes).map_or(Scalar::Missing, Scalar::Int),
            Self::Unsigned => match *bytes {
                [a, b, c, d] => Scalar::Unsigned(u64::from(u32::from_le_bytes([a, b, c, d]))),
                _ => whole(bytes).map_or(Scalar::Missing, |number| Scalar::Unsigned(number.cast_unsigned())),
            },
            Self::Half => match *bytes {
                [a, b] => real(half::f16::from_le_bytes([a, b]).to_f64()),
                _ => Scalar::Missing,
            },
            Self::Single => match bytes.first_chunk().map(|bytes| f32::from_le_bytes(*bytes)) {
                Some(number) if !number.is_nan() => Scalar::Single(number),
                _ => Scalar::Missing,
            },
            Self::Double => bytes.first_chunk().map_or(Scalar::Missing, |bytes| real(f64::from_le_bytes(*bytes))),
            Self::Text => Scalar::Text(bytes),
            Self::Uuid => bytes.try_into().map_or(Scalar::Missing, Scalar::Uuid),
            Self::Decimal { scale, big } => {
                let unscaled = if big { big_endian(bytes) } else { whole(bytes).map(i128::from) };
                unscaled.map_or(Scalar::Missing, |unscaled| Scalar::Decimal { unscaled, scale })
            }
            Self::Date => {
                let days = whole(bytes).map(|days| days.saturating_mul(DAY));
                days.map_or(Scalar::Missing, |seconds| instant(seconds, 0, Shows::Date))
            }
            Self::Clock(per_second) => {
                whole(bytes).map_or(Scalar::Missing, |number| since(number, per_second, Shows::Clock))
            }
            Self::Stamp { per_second, zoned } => {
                let shows = if zoned { Shows::Zoned } else { Shows::Stamp };
                whole(bytes).map_or(Scalar::Missing, |number| since(number, per_second, shows))
            }
            Self::Int96 => match (whole(&bytes[..bytes.len().min(8)]), bytes.get(8..).and_then(whole)) {
                (Some(nanos), Some(day)) => {
                    let days = (day - JULIAN_1970) * DAY;
                    let (seconds, rest) = (nanos.div_euclid(1_000_000_000), nanos.rem_euclid(1_000_000_000));
                    instant(days.saturating_add(seconds), rest as u32, Shows::Stamp)
                }
                _ => Scalar::Missing,
            },
        }
    }
}

/// A whole number of 32 or 64 bits.
fn whole(bytes: &[u8]) -> Option<i64> {
    match bytes.len() {
        4 => bytes.first_chunk().map(|bytes| i64::from(i32::from_le_bytes(*bytes))),
        8 => bytes.first_chunk().map(|bytes| i64::from_le_bytes(*bytes)),
        _ => None,
    }
}

/// A whole number of at most 128 bits.
fn big_endian(bytes: &[u8]) -> Option<i128> {
    let negative = bytes.first()? & 0x80 != 0;
    if bytes.len() > 16 {
        return None;
    }
    let mut all = [if negative { 0xff } else { 0 }; 16];
    all[16 - bytes.len()..].copy_from_slice(bytes);
    Some(i128::from_be_bytes(all))
}
