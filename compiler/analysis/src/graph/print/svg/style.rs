//! The looks: one style sheet for light pages and dark ones, and the shapes of the five kinds of steps.

use crate::graph::EdgeKind;
use crate::graph::print::step::Family;
use nsf_plan::Guarantee;

/// Every colour stands here. Plain rules come first, since not every program that draws SVG knows media queries.
pub(super) const SHEET: &str = "
svg{background:#ffffff;font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono','Noto Sans Mono CJK SC',monospace}
.page{fill:#ffffff}
text{fill:#1f2937}
.heading{font-size:16px;font-weight:bold}
.small{font-size:11px;fill:#6b7280}
.context{font-size:10px;fill:#6b7280}
.name{font-size:13px;font-weight:bold}
.text{font-size:12px}
.word{font-weight:bold}
.added{font-size:10px;fill:#6b7280}
.label{font-size:11px;fill:#374151}
.label .first{font-weight:bold}
.card{fill:#f8fafc;stroke:#94a3b8}
.head{fill:#e8edf3;stroke:#94a3b8}
.step{fill:#ffffff;stroke:#cbd5e1}
.outline{fill:#ffffff;stroke:#64748b;stroke-width:1.3}
.topic .outline{fill:#f1f5f9}
.source .outline,.ingest .outline,.subscription .outline{fill:#eef6ff;stroke:#4a7fb5}
.table .outline,.state .outline,.space .outline,.dimension .outline{fill:#fdf8ee;stroke:#a1823f}
.marks .outline{fill:#fdf8ee;stroke:#a1823f;stroke-dasharray:4 3}
.badge{fill:#64748b}
.letter{fill:#ffffff;font-size:12px;font-weight:bold;text-anchor:middle}
.verify .badge{fill:#00795a}
.load .badge{fill:#0067a5}
.calculate .badge{fill:#9a6700}
.save .badge{fill:#9c3f77}
.expand .badge{fill:#b84700}
.line{fill:none;stroke:#475569;stroke-width:1.4}
.arrow{fill:#475569}
.in .line{stroke:#0067a5}
.in .arrow,.in .first{fill:#0067a5}
.keep .line{stroke:#9c3f77}
.keep .arrow,.keep .first{fill:#9c3f77}
.out .line{stroke:#b84700}
.out .arrow,.out .first{fill:#b84700}
.aside .line{stroke-dasharray:5 4}
.edge:hover .line{stroke-width:3}
.sure{fill:#00795a}
.once{fill:#0067a5}
.repeated{fill:#9a6700}
.differs{fill:#b42318;font-weight:bold}
.sign{fill:#b7791f}
.error .sign{fill:#c0392b}
.sign-text{font-size:10px;font-weight:bold;fill:#8a5a00}
.error .sign-text{fill:#b42318}
.warning .outline,.warning .step,.warning .head{stroke:#b7791f;stroke-width:2}
.error .outline,.error .step,.error .head{stroke:#c0392b;stroke-width:2}
@media (prefers-color-scheme:dark){
svg{background:#0f172a}
.page{fill:#0f172a}
text{fill:#e2e8f0}
.small,.context,.added{fill:#94a3b8}
.label{fill:#cbd5e1}
.card{fill:#172033;stroke:#475569}
.head{fill:#243049;stroke:#475569}
.step{fill:#1e293b;stroke:#3b4a63}
.outline{fill:#1e293b;stroke:#94a3b8}
.topic .outline{fill:#243049}
.source .outline,.ingest .outline,.subscription .outline{fill:#162a44;stroke:#6ea3d8}
.table .outline,.state .outline,.space .outline,.dimension .outline,.marks .outline{fill:#2b2618;stroke:#c9a95c}
.letter{fill:#ffffff}
.line{stroke:#94a3b8}
.arrow{fill:#94a3b8}
.in .line{stroke:#5eb3ea}
.in .arrow,.in .first{fill:#5eb3ea}
.keep .line{stroke:#dd8fbf}
.keep .arrow,.keep .first{fill:#dd8fbf}
.out .line{stroke:#f09a5b}
.out .arrow,.out .first{fill:#f09a5b}
.sure{fill:#4cc7a4}
.once{fill:#5eb3ea}
.repeated{fill:#e0b354}
.differs{fill:#ff8a7a}
.sign-text{fill:#e0b354}
.error .sign-text{fill:#ff8a7a}
}
";

/// The class of what holds for an output.
pub(super) const fn guarantee(guarantee: Guarantee) -> &'static str {
    match guarantee {
        Guarantee::ExactlyOnce => "sure",
        Guarantee::EffectivelyOnce => "once",
        Guarantee::AtLeastOnce => "repeated",
        Guarantee::MayDiffer => "differs",
    }
}

/// The classes of an edge: what is loaded, kept and put out have the colours of the steps that do it.
pub(super) const fn edge(kind: EdgeKind) -> &'static str {
    match kind {
        EdgeKind::Load => "in",
        EdgeKind::Save | EdgeKind::Mark => "keep",
        EdgeKind::Write | EdgeKind::Publish => "out",
        EdgeKind::Late | EdgeKind::Retry | EdgeKind::Reject | EdgeKind::Jump => "aside",
        _ => "way",
    }
}

/// The letter of a step's kind in its shape, whose box is 20 wide and high and whose left upper corner is given.
pub(super) fn badge(kind: &str, x: i32, y: i32) -> String {
    let (middle, down) = (x + 10, y + 10);
    let shape = match Family::of(kind) {
        Some(Family::Verify) => {
            format!(
                "<path class=\"badge\" d=\"M{middle} {}L{} {down}L{middle} {}L{} {down}Z\"/>",
                y - 2,
                x + 22,
                y + 22,
                x - 2
            )
        }
        Some(Family::Load) => {
            format!("<path class=\"badge\" d=\"M{x} {down}L{} {y}H{}V{}H{}Z\"/>", x + 6, x + 20, y + 20, x + 6)
        }
        Some(Family::Calculate) => format!("<circle class=\"badge\" cx=\"{middle}\" cy=\"{down}\" r=\"10\"/>"),
        Some(Family::Save) => format!(
            "<path class=\"badge\" d=\"M{x} {}A10 4 0 0 1 {} {}V{}A10 4 0 0 1 {x} {}Z\"/>",
            y + 4,
            x + 20,
            y + 4,
            y + 16,
            y + 16
        ),
        Some(Family::Expand) => {
            format!("<path class=\"badge\" d=\"M{} {down}L{} {y}H{x}V{}H{}Z\"/>", x + 20, x + 14, y + 20, x + 14)
        }
        None => {
            return format!(
                "<rect class=\"badge\" x=\"{}\" y=\"{}\" width=\"12\" height=\"12\" rx=\"3\"/>",
                x + 4,
                y + 4
            );
        }
    };
    let letter = kind.chars().next().map(|letter| letter.to_ascii_uppercase()).unwrap_or_default();
    format!("{shape}<text class=\"letter\" x=\"{middle}\" y=\"{}\">{letter}</text>", y + 14)
}
