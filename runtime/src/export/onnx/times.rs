//! Parts of a time, out of seconds since 1970.

use nasrec_compiler::schema::Part;

use super::graph::Writing;
use super::proto::Kind;

const DAY: i64 = 86_400;
/// Days before and after 1970 beyond which a day of the calendar is that of the last.
const DAYS: [i64; 2] = [-3_000_000, 2_900_000];
/// `2^63`, as a number.
const BEYOND: f64 = 9_223_372_036_854_775_808.0;

/// Which one it is, counted from 0.
pub(super) fn part(to: &mut Writing, seconds: &str, part: Part) -> String {
    let seconds = whole(to, seconds);
    let (day, second) = (divided(to, &seconds, DAY), modulo(to, &seconds, DAY));
    let weekday = |to: &mut Writing| {
        // 1 January 1970 was a Thursday.
        let shifted = plus(to, &day, 3);
        modulo(to, &shifted, 7)
    };
    match part {
        Part::Truth => seconds,
        Part::Hour => divided(to, &second, 3600),
        Part::Weekday => weekday(to),
        Part::Weekend => {
            let (weekday, friday) = (weekday(to), to.int(4));
            let weekend = to.op("Greater", &[&weekday, &friday]);
            to.cast(&weekend, Kind::Int64)
        }
        Part::Day | Part::Month => date(to, &day, part),
    }
}

/// The whole number below, as far as 64 bits go.
fn whole(to: &mut Writing, x: &str) -> String {
    let (least, most) = (to.double(-BEYOND), to.double(BEYOND));
    let (below, above) = (to.op("LessOrEqual", &[x, &least]), to.op("GreaterOrEqual", &[x, &most]));
    let outside = to.op("Or", &[&below, &above]);
    let (zero, floor) = (to.double(0.0), to.op("Floor", &[x]));
    let floor = to.either(&outside, &zero, &floor);
    let seconds = to.cast(&floor, Kind::Int64);
    let (least, most) = (to.int(i64::MIN), to.int(i64::MAX));
    let seconds = to.either(&below, &least, &seconds);
    to.either(&above, &most, &seconds)
}

fn plus(to: &mut Writing, x: &str, by: i64) -> String {
    let by = to.int(by);
    to.op("Add", &[x, &by])
}

fn times(to: &mut Writing, x: &str, by: i64) -> String {
    let by = to.int(by);
    to.op("Mul", &[x, &by])
}

/// What is left of a division that is rounded down.
fn modulo(to: &mut Writing, x: &str, by: i64) -> String {
    let by = to.int(by);
    to.op("Mod", &[x, &by])
}

/// Rounded down.
fn divided(to: &mut Writing, x: &str, by: i64) -> String {
    let (rest, zero, divisor) = (modulo(to, x, by), to.int(0), to.int(by));
    // Division cuts off: of a negative number that leaves something one less.
    let quotient = to.op("Div", &[x, &divisor]);
    let (negative, uneven) = (to.op("Less", &[x, &zero]), to.op("Greater", &[&rest, &zero]));
    let lower = to.op("And", &[&negative, &uneven]);
    let lower = to.cast(&lower, Kind::Int64);
    to.op("Sub", &[&quotient, &lower])
}

/// The day of the month or the month of a day since 1970, by the Gregorian calendar. Years begin in March, so that a leap day is the last
/// of one, and 400 of them are one era.
fn date(to: &mut Writing, day: &str, part: Part) -> String {
    const ERA: i64 = 146_097;
    let [least, most] = DAYS.map(|days| to.int(days));
    let day = to.op("Max", &[day, &least]);
    let day = to.op("Min", &[&day, &most]);
    // Since 1 March of the year 0.
    let day = plus(to, &day, 719_468);
    let of_era = modulo(to, &day, ERA);
    // Of the days so far those are taken away that leap years have more.
    let (fours, hundreds) = (divided(to, &of_era, 1_460), divided(to, &of_era, 36_524));
    let last = divided(to, &of_era, ERA - 1);
    let plain = to.op("Sub", &[&of_era, &fours]);
    let plain = to.op("Add", &[&plain, &hundreds]);
    let plain = to.op("Sub", &[&plain, &last]);
    let year = divided(to, &plain, 365);
    let (days, fours, hundreds) = (times(to, &year, 365), divided(to, &year, 4), divided(to, &year, 100));
    let before = to.op("Add", &[&days, &fours]);
    let before = to.op("Sub", &[&before, &hundreds]);
    let of_year = to.op("Sub", &[&of_era, &before]);
    // Months of 31, 30, 31, 30, 31 days, from March on: 153 days in five.
    let scaled = times(to, &of_year, 5);
    let scaled = plus(to, &scaled, 2);
    let month = divided(to, &scaled, 153);
    if part == Part::Month {
        let shifted = plus(to, &month, 2);
        return modulo(to, &shifted, 12);
    }
    let scaled = times(to, &month, 153);
    let scaled = plus(to, &scaled, 2);
    let before = divided(to, &scaled, 5);
    to.op("Sub", &[&of_year, &before])
}
