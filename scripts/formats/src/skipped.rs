//! Times in the hour that the clocks skip in spring: zeros that fill it, and sources whose clock doesn't follow.

use std::collections::HashSet;

use chrono::Duration;

use crate::{
    lines::{Found, Moment},
    report::{DoubtKind, Report},
    times::When,
    zone::{Instant, Zone},
};

/// Judges the times of the missing hour, and gives the zone to read the file in.
///
/// A value there beside one at the same time an hour later shows that the source keeps standard time all year: read as
/// such, and said. Without a value an hour later it counts as if the clocks hadn't gone forward yet. A zero is nothing.
pub fn settle(zone: Zone, moments: &[Moment], found: &mut Vec<Found>, report: &mut Report) -> Zone {
    let missing = |moment: &Moment| match moment.start {
        When::Local(local) => match zone.instant(local) {
            Some(Instant::Missing(_)) => Some(local),
            _ => None,
        },
        _ => None,
    };
    let skipped: HashSet<usize> = (0..moments.len())
        .filter(|at| {
            moments
                .get(*at)
                .is_some_and(|moment| missing(moment).is_some())
        })
        .collect();
    if skipped.is_empty() {
        return zone;
    }
    let known: HashSet<(usize, When)> = moments
        .iter()
        .map(|moment| (moment.sequence, moment.start))
        .collect();
    let collides = |at: usize| {
        let moment = moments.get(at)?;
        let local = missing(moment)?;
        let later = local.checked_add_signed(Duration::hours(1))?;
        known
            .contains(&(moment.sequence, When::Local(later)))
            .then_some(local)
    };
    let counted = |one: &Found| one.decimal.digits != 0 && skipped.contains(&one.moment);
    let standard = found
        .iter()
        .filter(|one| counted(one))
        .find_map(|one| zone.standard(collides(one.moment)?));
    if let Some(standard) = standard {
        let name = standard.name();
        report.doubt(
            DoubtKind::Timezone,
            format!(
                "the file has values in the hour that the clocks of {} skip, so its clock keeps standard time: read as \
                 {name} all year",
                zone.name()
            ),
            format!("--timezone {name}"),
        );
        return standard;
    }
    found.retain(|one| {
        let empty = one.decimal.digits == 0 && skipped.contains(&one.moment);
        if let (true, Some(moment)) = (empty, moments.get(one.moment)) {
            report.skipped(moment.place, "a zero in the hour that the clocks skip");
        }
        !empty
    });
    zone
}
