//! Colours and strokes, for a white page and for a dark one.

/// The style of every picture. A picture has a background of its own, so it reads on any page; where the reader's
/// screen is dark, it is dark too.
pub(super) const STYLE: &str = "
text { font-family: Helvetica, Arial, 'DejaVu Sans', sans-serif; fill: #1f2733; }
.page { fill: #ffffff; }
.head { font-size: 18px; font-weight: bold; }
.sub { font-size: 12px; fill: #5b6675; }
.frame { fill: #f4f6f9; stroke: #c3cad5; }
.name { font-size: 14px; font-weight: bold; fill: #44505f; }
.title { font-size: 13px; font-weight: bold; }
.line { font-size: 11px; fill: #44505f; }
.made { font-size: 11px; font-weight: bold; fill: #b3261e; }
.shape { font-size: 10.5px; fill: #5b6675; }
.operator { fill: #ffffff; stroke: #66717f; }
.maybe { fill: #eef5ff; stroke: #2b6cb0; stroke-dasharray: 5 3; }
.input { fill: #e5f5ea; stroke: #2f855a; }
.logit { fill: #fdeaf2; stroke: #b83280; }
.choice { fill: #fff4d6; stroke: #b7791f; stroke-width: 1.5; }
.pill { fill: #f3eaff; stroke: #805ad5; }
.wire { fill: none; stroke: #56616f; stroke-width: 1.3; }
.sparse { stroke: #1f6fb5; }
.gated { stroke-dasharray: 4 3; }
.tap { fill: #56616f; }
.tap.sparse { fill: #1f6fb5; stroke: none; }
.arrow { fill: #56616f; }
.arrow.sparse { fill: #1f6fb5; stroke: none; }
.live { stroke-width: 2.4; }
.dead { opacity: 0.22; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6eaf0; }
  .page { fill: #14181f; }
  .sub, .shape { fill: #a3adba; }
  .line { fill: #c4ccd6; }
  .name { fill: #c4ccd6; }
  .made { fill: #ff9d91; }
  .frame { fill: #1c222b; stroke: #3a4452; }
  .operator { fill: #232b36; stroke: #8a96a5; }
  .maybe { fill: #1d2c40; stroke: #6ea8e0; }
  .input { fill: #1b3326; stroke: #5fbf8b; }
  .logit { fill: #3a1f2f; stroke: #e27fb0; }
  .choice { fill: #3a3016; stroke: #dca94a; }
  .pill { fill: #2c2340; stroke: #a98be8; }
  .wire { stroke: #9aa5b3; }
  .sparse { stroke: #6cb0ee; }
  .tap, .arrow { fill: #9aa5b3; }
  .tap.sparse, .arrow.sparse { fill: #6cb0ee; }
}
";
