"""How the page looks: its theme and style sheet.

Fonts are those of the visitor's system: the page fetches nothing from elsewhere.
"""

from __future__ import annotations

import gradio as gr

FONTS = ('system-ui', '-apple-system', 'Segoe UI', 'Roboto', 'sans-serif')
MONO_FONTS = ('ui-monospace', 'SFMono-Regular', 'Menlo', 'Consolas', 'monospace')

CSS = """
.gradio-container .fillable { max-width: 1180px !important; width: 100%;
  margin: 0 auto !important; box-sizing: border-box; }
.un-page .tr-body td, .un-page .tr-head th { padding: 4px 10px !important; }
.un-header { display: flex; flex-wrap: wrap; gap: 4px 16px; align-items: baseline; }
.un-header h1 { font-size: 1.5rem; margin: 0; font-weight: 700; }
.un-header p { margin: 0; color: var(--body-text-color-subdued); }
.un-header .un-model { margin-left: auto; font-size: .85rem; }
.un-header code { font-size: .85rem; }
.un-html, .un-html > div { padding: 0 !important; min-height: 0 !important; }
.un-row { align-items: end; }
.un-row > button { min-height: 40px; }
/* small images fill the frame; clicks are measured in it as if they did */
.un-page .image-frame img { width: 100%; height: 100%; object-fit: contain; }
.un-live { height: 400px; display: flex; align-items: center; justify-content: center;
  border: 1px solid var(--border-color-primary); border-radius: var(--radius-sm);
  background: var(--background-fill-secondary);
  color: var(--body-text-color-subdued); }
.un-live img { width: 100%; height: 100%; object-fit: contain; margin: 0 !important; }
.un-hint { color: var(--body-text-color-subdued); font-size: .875rem; margin: 2px 0; }
.un-painter { --height: 300px; }
.un-painter[data-under=''] .un-tools, .un-painter[data-under=''] .un-canvas,
.un-painter:not([data-under='']) .un-nothing { display: none; }
.un-nothing { color: var(--body-text-color-subdued); padding: 3em 0; margin: 0;
  text-align: center; border: 1px dashed var(--border-color-primary); }
.un-tools, .un-tools > span { display: flex; flex-wrap: wrap; align-items: center;
  gap: 6px; }
.un-tools { gap: 6px 18px; margin: 4px 0 8px; }
.un-tools button { height: 34px; min-width: 34px; border-radius: var(--radius-sm);
  border: 1px solid var(--border-color-primary); cursor: pointer; padding: 0;
  background: var(--background-fill-secondary); color: var(--body-text-color); }
.un-tools button[aria-pressed=true] { border-color: var(--body-text-color);
  box-shadow: inset 0 0 0 1px var(--body-text-color); }
.un-tools .un-act { padding: 0 10px; font-size: .875rem; }
.un-act:disabled { opacity: .5; cursor: default; }
.un-color::before, .un-size::before { content: ''; display: block; margin: auto;
  width: var(--dot, 18px); height: var(--dot, 18px); border-radius: 50%;
  background: currentColor; }
.un-canvas { position: relative; margin: 0 auto; aspect-ratio: var(--aspect);
  width: min(100%, calc(var(--height) * var(--aspect))); }
.un-canvas img, .un-canvas canvas { position: absolute; inset: 0; width: 100%;
  height: 100%; margin: 0; }
.un-canvas canvas { opacity: .6; cursor: crosshair; touch-action: none; }
.un-status { font-size: .9rem; padding: 4px 2px; font-variant-numeric: tabular-nums; }
.un-progress { height: 8px; border-radius: 4px; overflow: hidden;
  background: var(--border-color-primary); margin-top: 4px; }
.un-bar { height: 100%; background: var(--primary-600); transition: width .2s; }
.un-scroll { overflow-x: auto; max-height: 320px; overflow-y: auto; }
.un-table { width: 100%; border: 0 !important; margin: 0 !important;
  border-collapse: collapse; font-size: .875rem;
  font-variant-numeric: tabular-nums; }
.un-table caption { text-align: left; font-weight: 600; padding: 4px 2px; }
.un-table th { text-align: left; font-weight: 600; position: sticky; top: 0;
  background: var(--background-fill-secondary); }
.un-table th, .un-table td { padding: 4px 8px; vertical-align: top;
  border: 0 !important;
  border-bottom: 1px solid var(--border-color-primary) !important; }
.un-table thead, .un-table tbody, .un-table tr { border: 0 !important; }
.un-table th:nth-last-child(2), .un-table td:nth-last-child(2) { white-space: nowrap; }
.un-table td { min-width: 2.2em; }
.un-swatch { display: inline-block; width: 1em; border-radius: 3px; line-height: 1em;
  box-shadow: 0 0 0 1px var(--border-color-primary); }
.un-hidden { position: absolute; width: 1px; height: 1px; overflow: hidden;
  clip-path: inset(50%); white-space: nowrap; }
.un-buttons { gap: 8px; }
.un-page :focus-visible { outline: 2px solid var(--primary-500); outline-offset: 1px; }
@media (max-width: 640px) {
  .gradio-container, .gradio-container .fillable { padding: 6px !important; }
  .un-header .un-model { margin-left: 0; }
}
@media (prefers-reduced-motion: reduce) { .un-bar { transition: none; } }
"""


def theme() -> gr.themes.Base:
    """A quiet theme, light or dark as the visitor's system is."""
    return gr.themes.Default(
        primary_hue='indigo',
        neutral_hue='slate',
        spacing_size='sm',
        radius_size='sm',
        font=[gr.themes.Font(name) for name in FONTS],
        font_mono=[gr.themes.Font(name) for name in MONO_FONTS],
    )
