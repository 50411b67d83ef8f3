//! `std.geo`.

use crate::{
    fault::Fallible,
    functions::{
        Builtin, Call,
        support::{argument, finite, float, member, not_a, pure},
    },
    value::Value,
};

/// The functions.
pub(super) const BUILTINS: &[Builtin] = &[
    pure("geo_distance(float64, float64, float64, float64)", |call| {
        let (from, to) = (place(call.float(0)?, call.float(1)?)?, place(call.float(2)?, call.float(3)?)?);
        finite(distance(from, to))
    }),
    pure("geo_bearing(float64, float64, float64, float64)", |call| {
        let (from, to) = (place(call.float(0)?, call.float(1)?)?, place(call.float(2)?, call.float(3)?)?);
        finite(bearing(from, to))
    }),
    pure("geohash(float64, float64, int64)", |call| {
        let (latitude, longitude) = place(call.float(0)?, call.float(1)?)?;
        let length = call.integer(2)?;
        let Some(length) = usize::try_from(length).ok().filter(|length| (1..=LONGEST).contains(length)) else {
            return Err(argument(format!("a geohash has 1 to {LONGEST} characters, not {length}")));
        };
        Ok(call.new_text(&geohash(latitude, longitude, length)))
    }),
    pure("geohash_centre(text)", |call| {
        let text = call.text(0)?;
        let Some((latitude, longitude)) = centre(text) else { return Err(not_a(text, "a geohash")) };
        Ok(call.new_record(&[finite(latitude)?, finite(longitude)?]))
    }),
    pure("in_polygon(float64, float64, list<{ latitude: float64, longitude: float64 }>)", in_polygon),
];

/// The mean radius of the earth in metres.
const RADIUS: f64 = 6_371_008.8;

/// A latitude and longitude in degrees, if they are ones.
fn place(latitude: f64, longitude: f64) -> Fallible<(f64, f64)> {
    if !(-90.0..=90.0).contains(&latitude) {
        return Err(argument(format!("a latitude lies within -90 and 90 degrees, not at {latitude}")));
    }
    if !(-180.0..=180.0).contains(&longitude) {
        return Err(argument(format!("a longitude lies within -180 and 180 degrees, not at {longitude}")));
    }
    Ok((latitude, longitude))
}

fn distance(from: (f64, f64), to: (f64, f64)) -> f64 {
    let (from_latitude, to_latitude) = (from.0.to_radians(), to.0.to_radians());
    let half_latitude = (to_latitude - from_latitude) / 2.0;
    let half_longitude = (to.1 - from.1).to_radians() / 2.0;
    let part = half_latitude.sin().powi(2) + from_latitude.cos() * to_latitude.cos() * half_longitude.sin().powi(2);
    // Rounding may carry the part of opposite places a little above one, which has no arc sine.
    2.0 * RADIUS * part.clamp(0.0, 1.0).sqrt().asin()
}

fn bearing(from: (f64, f64), to: (f64, f64)) -> f64 {
    let (from_latitude, to_latitude) = (from.0.to_radians(), to.0.to_radians());
    let longitude = (to.1 - from.1).to_radians();
    let east = longitude.sin() * to_latitude.cos();
    let north = from_latitude.cos() * to_latitude.sin() - from_latitude.sin() * to_latitude.cos() * longitude.cos();
    let degrees = east.atan2(north).to_degrees().rem_euclid(360.0);
    // A tiny negative angle becomes 360 itself.
    if degrees >= 360.0 { 0.0 } else { degrees }
}

/// The characters of geohashes.
const ALPHABET: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";

/// Longer geohashes say nothing more that a float holds.
const LONGEST: usize = 12;

fn geohash(latitude: f64, longitude: f64, length: usize) -> String {
    let mut ranges = [(-180.0, 180.0), (-90.0, 90.0)];
    let place = [longitude, latitude];
    let mut bit = 0;
    (0..length)
        .map(|_| {
            let mut character = 0;
            for _ in 0..5 {
                let (low, high) = &mut ranges[bit % 2];
                let middle = (*low + *high) / 2.0;
                let upper = place[bit % 2] >= middle;
                *(if upper { low } else { high }) = middle;
                character = character * 2 + usize::from(upper);
                bit += 1;
            }
            char::from(ALPHABET[character])
        })
        .collect()
}

fn centre(text: &str) -> Option<(f64, f64)> {
    if text.is_empty() || text.len() > LONGEST {
        return None;
    }
    let mut ranges = [(-180.0, 180.0), (-90.0, 90.0)];
    let mut bit = 0;
    for byte in text.bytes() {
        let character = ALPHABET.iter().position(|known| *known == byte.to_ascii_lowercase())?;
        for place in (0..5).rev() {
            let (low, high) = &mut ranges[bit % 2];
            let middle = (*low + *high) / 2.0;
            *(if character >> place & 1 == 1 { low } else { high }) = middle;
            bit += 1;
        }
    }
    let [longitude, latitude] = ranges.map(|(low, high)| (low + high) / 2.0);
    Some((latitude, longitude))
}

fn in_polygon<'b>(call: &Call<'_, 'b>) -> Fallible<Value<'b>> {
    let (latitude, longitude) = place(call.float(0)?, call.float(1)?)?;
    let corners = call.list(2)?.iter().map(|corner| place(float(member(*corner, 0)?)?, float(member(*corner, 1)?)?));
    let corners = corners.collect::<Fallible<Vec<_>>>()?;
    if corners.len() < 3 {
        return Err(argument(format!("a polygon has 3 corners or more, not {}", corners.len())));
    }
    // Counts the sides that a line to the north crosses: an odd number of them is crossed from within.
    let mut inside = false;
    let mut previous = corners.last().copied().unwrap_or_default();
    for corner in corners {
        let ((first_latitude, first_longitude), (second_latitude, second_longitude)) = (previous, corner);
        if (first_longitude > longitude) != (second_longitude > longitude) {
            let share = (longitude - first_longitude) / (second_longitude - first_longitude);
            inside ^= latitude < first_latitude + share * (second_latitude - first_latitude);
        }
        previous = corner;
    }
    Ok(Value::Bool(inside))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_those_of_the_globe() {
        assert!((distance((0.0, 0.0), (0.0, 1.0)) - 111_195.08).abs() < 0.1);
        assert!((distance((90.0, 0.0), (-90.0, 77.0)) - std::f64::consts::PI * RADIUS).abs() < 0.001);
        assert!(distance((0.0, 0.0), (1e-9, 180.0)).is_finite());
    }

    #[test]
    fn a_geohash_has_its_place_in_its_field() {
        for (latitude, longitude) in [(57.64911, 10.40744), (-90.0, -180.0), (31.2304, 121.4737), (0.0, 0.0)] {
            let Some(found) = centre(&geohash(latitude, longitude, 12)) else { panic!("no centre") };
            assert!((found.0 - latitude).abs() < 1e-6 && (found.1 - longitude).abs() < 1e-6, "{found:?}");
        }
    }

    #[test]
    fn bearings_go_around_from_north_over_east() {
        for (to, degrees) in [((1.0, 0.0), 0.0), ((0.0, 1.0), 90.0), ((-1.0, 0.0), 180.0), ((0.0, -1.0), 270.0)] {
            assert!((bearing((0.0, 0.0), to) - degrees).abs() < 1e-9, "{to:?}");
        }
    }
}
