//! A bar for each GPU, as a picture.

use std::fmt::Write;

use crate::plan::report::{Gpu, Profile, Report};

const GIB: f64 = 1_073_741_824.0;
const WIDTH: f64 = 640.0;
const LEFT: f64 = 20.0;
const ROW: f64 = 64.0;

/// The kinds of memory, with their colours: told apart by those who see fewer colours too (Okabe and Ito).
const KINDS: &[(&str, &str)] = &[
    ("weights", "#0072b2"),
    ("KV cache", "#56b4e9"),
    ("activation", "#e69f00"),
    ("CUDA graphs", "#cc79a7"),
    ("context", "#999999"),
    ("reserved", "#555555"),
];

/// The picture of a plan. `header` says where it comes from; in no comment, which cannot hold the `--` of a name.
pub fn svg(report: &Report, header: &str) -> String {
    let rows: usize = report
        .profiles
        .iter()
        .map(|profile| profile.gpus.len())
        .sum();
    let height = ROW * rows as f64 + 60.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {height}\" \
         font-family=\"sans-serif\" font-size=\"13\"><desc>{header}</desc>\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n",
        WIDTH + 2.0 * LEFT
    );
    let mut top = 24.0;
    for profile in &report.profiles {
        for gpu in &profile.gpus {
            bar(&mut svg, profile, gpu, top);
            top += ROW;
        }
    }
    for (index, (name, colour)) in KINDS.iter().enumerate() {
        let x = LEFT + index as f64 * 106.0;
        let _ = writeln!(
            svg,
            "<rect x=\"{x}\" y=\"{}\" width=\"12\" height=\"12\" fill=\"{colour}\"/>\
             <text x=\"{}\" y=\"{}\">{name}</text>",
            top - 8.0,
            x + 16.0,
            top + 3.0
        );
    }
    svg.push_str("</svg>\n");
    svg
}

fn bar(svg: &mut String, profile: &Profile, gpu: &Gpu, top: f64) {
    let used: f64 = pieces(gpu).iter().map(|(_, _, bytes)| bytes).sum();
    // What is too much is drawn beyond the card's end, so the card becomes shorter.
    let scale = WIDTH / used.max(gpu.memory as f64).max(1.0);
    let of = profile
        .name
        .as_ref()
        .map_or(String::new(), |name| format!("{name}: "));
    let model = gpu.model.as_deref().unwrap_or("GPU");
    let _ = writeln!(
        svg,
        "<g><desc>[gpus.{}]</desc>\n\
         <text x=\"{LEFT}\" y=\"{top}\">{of}{} ({model}), {:.2} GiB, free {:.2} ± {:.2} GiB</text>",
        gpu.name,
        gpu.name,
        gpu.memory as f64 / GIB,
        gpu.free as f64 / GIB,
        gpu.doubt as f64 / GIB
    );
    let mut x = LEFT;
    for (kind, of, bytes) in pieces(gpu) {
        let width = bytes * scale;
        let (name, colour) = KINDS.get(kind).copied().unwrap_or_default();
        let _ = writeln!(
            svg,
            "<rect x=\"{x:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"26\" fill=\"{colour}\">\
             <title>{of}: {name} {:.2} GiB</title></rect>",
            top + 6.0,
            bytes / GIB
        );
        x += width;
    }
    let _ = writeln!(
        svg,
        "<rect x=\"{LEFT}\" y=\"{:.1}\" width=\"{:.1}\" height=\"26\" fill=\"none\" stroke=\"#000000\"/>\n</g>",
        top + 6.0,
        gpu.memory as f64 * scale
    );
}

/// What a card holds, in order: the kind, whose it is, and bytes.
pub(crate) fn pieces(gpu: &Gpu) -> Vec<(usize, &str, f64)> {
    let mut pieces = vec![(5, "others", gpu.reserved as f64)];
    for service in &gpu.services {
        let sizes = [
            service.weights,
            service.kv,
            service.activation,
            service.graphs,
            service.context,
        ];
        let named = sizes.into_iter().enumerate();
        pieces.extend(named.map(|(kind, bytes)| (kind, service.upstream.as_str(), bytes as f64)));
    }
    pieces.retain(|(_, _, bytes)| *bytes > 0.0);
    pieces
}
