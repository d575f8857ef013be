// Sets theme and density before the first paint. A file of its own, since the page allows no inline script.
(() => {
  const root = document.documentElement;
  let theme = 'system';
  let density = 'normal';
  try {
    theme = localStorage.getItem('countersign.theme') ?? theme;
    density = localStorage.getItem('countersign.density') ?? density;
  } catch {
    // Storage is off: the defaults hold.
  }
  const dark = theme === 'dark' || (theme !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches);
  root.dataset.theme = dark ? 'dark' : 'light';
  root.dataset.density = density;
})();
