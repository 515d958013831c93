// plot.mjs: horizontal bars as SVG: groups of {label, bars: [{name, value}]}; one colour per name.
const kColours = ["#2a6f97", "#e07a1f", "#6a994e", "#9c528b", "#8c6d46", "#6b7280"], kNamesPerLine = 4;
const escape = (text) => String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;");

export function bars(title, unit, groups) {
  const names = [...new Set(groups.flatMap((group) => group.bars.map((bar) => bar.name)))];
  const most = Math.max(...groups.flatMap((group) => group.bars.map((bar) => bar.value)));
  const parts = [];
  let y = 64 + 18 * Math.floor((names.length - 1) / kNamesPerLine);
  for (const group of groups) {
    parts.push(`<text x="150" y="${y + 15 + (group.bars.length - 1) * 11}" text-anchor="end">${escape(group.label)}</text>`);
    for (const bar of group.bars) {
      const width = Math.max(1, (bar.value / most) * 440);
      parts.push(`<rect x="160" y="${y}" width="${width.toFixed(1)}" height="18" fill="${kColours[names.indexOf(bar.name) % kColours.length]}"/>`,
        `<text x="${(166 + width).toFixed(1)}" y="${y + 14}">${escape(Number(bar.value.toPrecision(3)))}</text>`);
      y += 22;
    }
    y += 12;
  }
  const legend = names.map((name, i) => {
    const left = 160 + (i % kNamesPerLine) * 130, top = 36 + 18 * Math.floor(i / kNamesPerLine);
    return `<rect x="${left}" y="${top}" width="12" height="12" fill="${kColours[i % kColours.length]}"/><text x="${left + 18}" y="${top + 11}">${escape(name)}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="700" height="${y}" font-family="sans-serif" font-size="13">
<rect width="100%" height="100%" fill="white"/>
<text x="16" y="22" font-size="16" font-weight="bold">${escape(title)} (${escape(unit)})</text>
${legend.join("\n")}
${parts.join("\n")}
</svg>
`;
}
