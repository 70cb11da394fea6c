//! How cost grows: with the size of a batch, with an owner's meters, with the number of reporters.

use plotters::prelude::*;

use crate::{
    cases::{settle_many, submit, submit_by, submit_with_table},
    measure::Row,
    number,
};

/// Points of a curve: how many, and compute units.
type Points = Vec<(u64, u64)>;

/// What is written about it.
pub struct Growth {
    pub text: String,
    pub plots: Vec<(&'static str, String)>,
}

/// Measures all curves.
pub async fn all() -> Growth {
    let mut growth = Growth {
        text: String::from("\n## How cost grows\n"),
        plots: Vec::new(),
    };
    let mut points = Points::new();
    for count in [1, 4, 8, 12, 16] {
        points.push((count as u64, submit(count).await.units));
    }
    for count in [24, 31, 38] {
        points.push((count as u64, submit_with_table(count).await.units));
    }
    growth.add(
        "readings.svg",
        "SubmitReadings",
        "readings in a batch",
        "each further reading takes",
        &points,
    );

    let mut points = Points::new();
    for (count, with_table) in [
        (1, false),
        (5, false),
        (10, false),
        (20, false),
        (26, false),
        (40, true),
        (50, true),
    ] {
        points.push((count as u64, settle_many(count, with_table).await.units));
    }
    growth.add(
        "settlements.svg",
        "SettleManyAndMintTokens",
        "meters of an owner in one settlement",
        "each further meter takes",
        &points,
    );

    let mut points = Points::new();
    for place in [1, 4, 8, 12, 16] {
        let Row { units, .. } = submit_by(place).await;
        points.push((place as u64, units));
    }
    growth.add(
        "reporters.svg",
        "SubmitReadings, one reading",
        "reporters in the list, of which the last submits",
        "each further reporter takes",
        &points,
    );
    growth
}

impl Growth {
    fn add(
        &mut self,
        file: &'static str,
        title: &str,
        over: &str,
        sentence: &str,
        points: &Points,
    ) {
        let (Some((from, low)), Some((to, high))) = (points.first(), points.last()) else {
            return;
        };
        let slope = (high - low) as f64 / (to - from) as f64;
        self.text += &format!(
            "\n![{title}]({file})\n\n{title}: from {} compute units for {from} to {} for {to}; {sentence} {slope:.0}.\n",
            number(*low),
            number(*high)
        );
        self.plots.push((file, plot(title, over, points)));
    }
}

/// A curve through measured points, from zero.
fn plot(title: &str, over: &str, points: &Points) -> String {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (640, 400)).into_drawing_area();
        let most = |value: fn(&(u64, u64)) -> u64| points.iter().map(value).max().unwrap_or(1);
        let (right, top) = (most(|point| point.0), most(|point| point.1) * 11 / 10);
        area.fill(&WHITE).expect("an area");
        let mut chart = ChartBuilder::on(&area)
            .caption(title, ("sans-serif", 18))
            .margin(15)
            .x_label_area_size(40)
            .y_label_area_size(70)
            .build_cartesian_2d(0..right, 0..top)
            .expect("a chart");
        chart
            .configure_mesh()
            .x_desc(over)
            .y_desc("compute units")
            .light_line_style(WHITE)
            .draw()
            .expect("axes");
        chart
            .draw_series(LineSeries::new(points.iter().copied(), &BLUE).point_size(3))
            .expect("a curve");
        area.present().expect("an image");
    }
    svg
}
