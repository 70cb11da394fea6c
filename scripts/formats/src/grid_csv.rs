//! GridToken's CSV.

use crate::import::{rfc3339, Import};

/// The columns of GridToken's CSV.
pub const COLUMNS: [&str; 4] = [
    "meter_id",
    "timestamp",
    "generation_register_wh",
    "consumption_register_wh",
];

/// Writes the readings as GridToken's CSV: whole Wh, RFC 3339, meter by meter, with a `signature` column if any reading
/// is signed. Intervals are summed from 0.
pub fn to_grid_csv(import: &Import) -> String {
    let meters: Vec<_> = import
        .meters
        .iter()
        .map(|meter| {
            let mut joined = meter.registers(None);
            if let Some(every) = import.every {
                joined.thin(every);
            }
            (meter, joined)
        })
        .collect();
    let signed = meters.iter().any(|(_, joined)| {
        joined
            .readings
            .iter()
            .any(|reading| reading.signature.is_some())
    });
    let mut out = COLUMNS.join(",");
    out.push_str(if signed { ",signature\n" } else { "\n" });
    for (meter, joined) in meters {
        let id = match meter.id.contains([',', '"']) {
            true => format!("\"{}\"", meter.id.replace('"', "\"\"")),
            false => meter.id.clone(),
        };
        for reading in joined.readings {
            out.push_str(&format!(
                "{id},{},{},{}",
                rfc3339(reading.timestamp),
                reading.generation,
                reading.consumption
            ));
            if signed {
                out.push(',');
                out.push_str(reading.signature.as_deref().unwrap_or(""));
            }
            out.push('\n');
        }
    }
    out
}
