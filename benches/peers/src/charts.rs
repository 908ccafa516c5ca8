//! The two charts.

use core::error::Error;
use std::path::Path;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::Group;
use crate::decoders::{self, Verdict};
use crate::record::{FASTEST, Record, Records, Section};

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), Box<dyn Error>>;

const CHUNKING: &str = "16384";
/// The rows of a panel that are ours.
const SHOWN: [&str; 7] = [
    decoders::DECODE,
    decoders::RAW,
    decoders::OWNED,
    decoders::BORROWING_STREAM,
    decoders::READER,
    decoders::STREAM,
    decoders::CODEC,
];

const INK: RGBColor = RGBColor(34, 34, 34);
const FAINT: RGBColor = RGBColor(119, 119, 119);
const OURS: RGBColor = RGBColor(179, 67, 33);
const PEERS: RGBColor = RGBColor(131, 153, 176);
const VISIT: RGBColor = RGBColor(34, 120, 90);
/// None of which could be taken for one of ours.
const LINES: [RGBColor; 12] = [
    RGBColor(76, 120, 168),
    RGBColor(84, 162, 75),
    RGBColor(123, 94, 167),
    RGBColor(46, 64, 87),
    RGBColor(214, 113, 170),
    RGBColor(114, 183, 178),
    RGBColor(182, 153, 45),
    RGBColor(121, 112, 110),
    RGBColor(157, 205, 90),
    RGBColor(183, 154, 217),
    RGBColor(20, 110, 105),
    RGBColor(150, 180, 215),
];

const FONT: &str = "sans-serif";
// plotters writes four fifths of these.
const TEXT: i32 = 15;
const LARGER: i32 = 17;
const LARGEST: i32 = 24;

/// Draws both into `folder`, as far as their cells were measured.
pub(crate) fn draw(header: &[(&str, String)], records: &Records, folder: &Path) -> Drawn {
    let caption = caption(header);
    let value = |name| {
        let field = header.iter().find(|(known, _)| *known == name);
        field.map_or("", |(_, value)| value)
    };
    if records
        .of(Section::Decode)
        .any(|record| record.chunking == CHUNKING)
    {
        shapes(records, &caption, &folder.join("shapes.svg"))?;
    }
    if records.of(Section::Scaling).next().is_some() {
        scaling(
            records,
            value("size of a stream"),
            &caption,
            &folder.join("scaling.svg"),
        )?;
    }
    Ok(())
}

/// What the figures were taken with, in one line.
fn caption(header: &[(&str, String)]) -> String {
    let shown = ["processor", "compiler", "profile", "date"];
    let values = shown.iter().filter_map(|name| {
        let (_, value) = header.iter().find(|(known, _)| known == name)?;
        // A compiler's commit and date say nothing that its version does not.
        Some(match *name {
            "compiler" => value.split(" (").next().unwrap_or(value).to_owned(),
            "profile" => format!("profile {value}"),
            _ => value.clone(),
        })
    });
    values.collect::<Vec<_>>().join(" · ")
}

fn title<'a>(
    root: &Area<'a>,
    title: &str,
    explained: &str,
    caption: &str,
) -> Result<Area<'a>, Box<dyn Error>> {
    root.fill(&WHITE)?;
    let text = |size: i32, colour: &RGBColor| (FONT, size).into_font().color(colour);
    root.draw(&Text::new(title.to_owned(), (16, 14), text(LARGEST, &INK)))?;
    root.draw(&Text::new(explained.to_owned(), (16, 42), text(TEXT, &INK)))?;
    root.draw(&Text::new(caption.to_owned(), (16, 62), text(TEXT, &FAINT)))?;
    let (width, height) = root.dim_in_pixel();
    Ok(root.clone().shrink((0, 84), (width, height - 84)))
}

/// A panel of bars for each shape, with a row for each contender.
fn shapes(records: &Records, caption: &str, path: &Path) -> Drawn {
    const COLUMNS: usize = 4;
    const NAMES: i32 = 268;
    let streams: Vec<_> = records.streams(Section::Decode);
    let streams: Vec<_> = streams
        .into_iter()
        .filter(|stream| !stream.ends_with("-constant"))
        .collect();
    let others = records
        .of(Section::Decode)
        .filter(|record| matches!(record.group, Group::Peer | Group::ByHand));
    let mut names: Vec<&str> = SHOWN.to_vec();
    for record in others {
        if !names.contains(&record.contender) {
            names.push(record.contender);
        }
    }

    let rows = streams.len().div_ceil(COLUMNS);
    let height = 84 + rows * (names.len() * 17 + 44) + 8;
    let size = (1300, u32::try_from(height)?);
    let root = SVGBackend::new(path, size).into_drawing_area();
    let area = title(
        &root,
        "Decoding, in nanoseconds per event",
        "Varied lengths, 16 KiB chunks, fastest round; shorter is better. Green line: memchr2_iter over the line ends. \
         A bar that ends in a point is longer than there is room for.",
        caption,
    )?;
    let panels = area.split_evenly((rows, 1));
    for (panels, streams) in core::iter::zip(panels, streams.chunks(COLUMNS)) {
        let (labels, panels) = panels.split_horizontally(NAMES);
        for (row, name) in names.iter().enumerate() {
            let style = (FONT, TEXT).into_font().color(colour_of_name(name));
            let style = style.pos(Pos::new(HPos::Right, VPos::Center));
            let at = (NAMES - 8, row_centre(row));
            labels.draw(&Text::new((*name).to_owned(), at, style))?;
        }
        for (area, stream) in core::iter::zip(panels.split_evenly((1, COLUMNS)), streams) {
            panel(records, stream, &names, &area)?;
        }
    }
    root.present()?;
    Ok(())
}

/// What a stream is, for one who does not know the names of this bench.
fn described(stream: &str) -> String {
    let about = match stream {
        "llm-chunks" => "~250 B",
        "typed-events" => "~120 B",
        "tiny" => "data: x",
        "notifications" => "~300 B",
        "eight-lines" => "8 x ~60 B",
        "base64" => "one line of ~1 MiB",
        "crlf" => "typed, ~120 B",
        "non-ascii" => "~250 B",
        "large-4k-ascii" | "large-4k-cjk" => "one line of ~4 KiB",
        "large-12k-ascii" | "large-12k-cjk" => "one line of ~12 KiB",
        _ => return stream.to_owned(),
    };
    format!("{stream} ({about})")
}

fn row_centre(row: usize) -> i32 {
    30 + 17 * i32::try_from(row).expect("a few") + 8
}

fn colour_of_name(name: &str) -> &'static RGBColor {
    if SHOWN.contains(&name) { &OURS } else { &INK }
}

fn panel(records: &Records, stream: &str, names: &[&str], area: &Area<'_>) -> Drawn {
    let (width, _) = area.dim_in_pixel();
    // Room for the figure behind the longest bar.
    let room = f64::from(width) - 70.0;
    let peer = records.fastest_peer(Section::Decode, stream, CHUNKING);
    let Some(fastest) = peer.and_then(|record| record.value(FASTEST)) else {
        return Ok(());
    };
    let most = fastest * 6.0;
    let visit = records.find(Section::Decode, stream, CHUNKING, decoders::VISIT);
    let visit = visit.and_then(|record| record.value(FASTEST));
    let place = |value: f64| pixels((value / most).min(1.0) * room);
    let style = |colour: &RGBColor| (FONT, TEXT).into_font().color(colour);
    area.draw(&Text::new(
        described(stream),
        (0, 8),
        (FONT, LARGER).into_font().color(&INK),
    ))?;
    for (row, name) in names.iter().enumerate() {
        let centre = row_centre(row);
        let record = records.find(Section::Decode, stream, CHUNKING, name);
        let value = record.and_then(|record| record.value(FASTEST));
        // Where there is no bar, the reason stands behind the line.
        let end = value.or(visit).map_or(0, place);
        if let Some(value) = value {
            let colour = if SHOWN.contains(name) { &OURS } else { &PEERS };
            let bar = [(0, centre - 6), (end, centre + 6)];
            area.draw(&Rectangle::new(bar, colour.filled()))?;
            if value > most {
                let point = vec![(end, centre - 6), (end + 7, centre), (end, centre + 6)];
                area.draw(&Polygon::new(point, colour.filled()))?;
            }
        }
        let label = style(&INK).pos(Pos::new(HPos::Left, VPos::Center));
        area.draw(&Text::new(figure(record), (end + 11, centre), label))?;
    }
    if let Some(visit) = visit {
        let (first, last) = (row_centre(0) - 9, row_centre(names.len() - 1) + 9);
        let line = vec![(place(visit), first), (place(visit), last)];
        area.draw(&PathElement::new(line, VISIT.stroke_width(2)))?;
    }
    Ok(())
}

#[expect(clippy::cast_possible_truncation, reason = "is within the picture")]
const fn pixels(value: f64) -> i32 {
    value.round() as i32
}

fn figure(record: Option<&Record>) -> String {
    let Some(record) = record else {
        return String::new();
    };
    match (record.value(FASTEST), &record.verdict) {
        (Some(value), _) if value < 10.0 => format!("{value:.1}"),
        (Some(value), _) if value < 10_000.0 => format!("{value:.0}"),
        (Some(value), _) if value < 1e6 => format!("{:.0}k", value / 1e3),
        (Some(value), _) => format!("{:.1}M", value / 1e6),
        (None, Verdict::TooSlow) => "too slow".to_owned(),
        (None, _) => "n/a".to_owned(),
    }
}

/// A line for each contender, from one chunk to thousands.
fn scaling(records: &Records, size: &str, caption: &str, path: &Path) -> Drawn {
    let root = SVGBackend::new(path, (1000, 620)).into_drawing_area();
    let area = title(
        &root,
        &format!("One line of {size} in more and more chunks, in milliseconds"),
        "Fastest round; both axes are logarithmic. A line that ends early was too slow to continue.",
        caption,
    )?;
    let lines = lines(records);
    let cuts = records.chunkings(Section::Scaling);
    let cuts: Vec<f64> = cuts.iter().filter_map(|cuts| cuts.parse().ok()).collect();
    let all = || lines.iter().flat_map(|line| &line.points);
    let chunks = all().map(|point| point.0).fold(1.0, f64::max);
    let least = all().map(|point| point.1).fold(f64::INFINITY, f64::min);
    let most = all().map(|point| point.1).fold(0.0, f64::max);
    let mut chart = ChartBuilder::on(&area)
        .margin(12)
        .margin_right(250)
        .x_label_area_size(44)
        .y_label_area_size(64)
        .build_cartesian_2d(
            (1.0..chunks).log_scale().with_key_points(cuts),
            (least / 1.5..most * 1.5).log_scale(),
        )?;
    chart
        .configure_mesh()
        .x_desc("chunks")
        .y_desc("ms")
        .light_line_style(WHITE)
        .x_label_formatter(&|chunks| format!("{chunks:.0}"))
        .y_label_formatter(&|time| format!("{time}"))
        .label_style((FONT, TEXT).into_font().color(&INK))
        .draw()?;
    for line in &lines {
        let style = line.colour.stroke_width(line.width);
        chart.draw_series(LineSeries::new(line.points.iter().copied(), style))?;
        let dots = line.points.iter();
        let dots = dots.map(|&point| Circle::new(point, line.width + 1, line.colour.filled()));
        chart.draw_series(dots)?;
    }
    legend(&area, &lines)?;
    root.present()?;
    Ok(())
}

struct Line<'r> {
    name: &'r str,
    colour: RGBColor,
    width: u32,
    points: Vec<(f64, f64)>,
}

fn lines(records: &Records) -> Vec<Line<'_>> {
    let mut shown = SHOWN.to_vec();
    let measured = records.contenders(Section::Scaling);
    shown.retain(|name| [decoders::DECODE, decoders::STREAM].contains(name));
    let first = records.of(Section::Scaling);
    for record in first {
        if record.group == Group::Peer && !shown.contains(&record.contender) {
            shown.push(record.contender);
        }
    }
    shown.retain(|name| measured.contains(name));
    let lines = shown.into_iter().enumerate().map(|(index, name)| {
        let cells = records
            .of(Section::Scaling)
            .filter(|record| record.contender == name);
        let points = cells.filter_map(|record| {
            let chunks: f64 = record.chunking.parse().ok()?;
            Some((chunks, record.value(FASTEST)? / 1e6))
        });
        let (colour, width) = match name {
            decoders::DECODE => (OURS, 4),
            decoders::STREAM => (RGBColor(229, 148, 92), 4),
            _ => {
                let colour = LINES.iter().cycle().nth(index);
                (*colour.expect("begins again"), 2)
            }
        };
        Line {
            name,
            colour,
            width,
            points: points.collect(),
        }
    });
    lines.filter(|line| !line.points.is_empty()).collect()
}

/// The names beside the chart, in the order of the lines' ends.
fn legend(area: &Area<'_>, lines: &[Line<'_>]) -> Drawn {
    let (width, _) = area.dim_in_pixel();
    let left = i32::try_from(width)? - 230;
    let mut lines: Vec<_> = lines.iter().collect();
    let end = |line: &Line<'_>| line.points.last().copied().unwrap_or_default();
    lines.sort_by(|one, other| {
        // Those that end early were slower than all that did not.
        let ((one_chunks, one_time), (other_chunks, other_time)) = (end(one), end(other));
        one_chunks
            .total_cmp(&other_chunks)
            .then(other_time.total_cmp(&one_time))
    });
    for (row, line) in lines.into_iter().enumerate() {
        let y = 24 + 22 * i32::try_from(row)?;
        let stroke = line.colour.stroke_width(line.width);
        area.draw(&PathElement::new(vec![(left, y), (left + 24, y)], stroke))?;
        let style = (FONT, TEXT).into_font().color(&INK);
        let style = style.pos(Pos::new(HPos::Left, VPos::Center));
        area.draw(&Text::new(line.name.to_owned(), (left + 32, y), style))?;
    }
    Ok(())
}
