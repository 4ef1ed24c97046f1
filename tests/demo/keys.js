// The keys of an editing desk, where the picture or the timeline has the focus. Elsewhere they are the
// page's, which scrolls with them.

export function listenToKeys(actions) {
  document.addEventListener("keydown", (event) => {
    const { target, key } = event;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    // In a field, a group of choices or the clip's own controls, keys mean what they always do.
    if (!target.closest("#stage, #timeline") || target.matches("input, select, textarea, video")) return;
    // Of a handle that has the focus, arrows move that end of the scene.
    const which = target.matches(".handle.start") ? "start" : target.matches(".handle.end") ? "end" : undefined;
    const action = {
      j: () => actions.shuttle(-1),
      k: actions.stop,
      l: () => actions.shuttle(1),
      i: actions["mark-start"],
      o: actions["mark-end"],
      ArrowLeft: () => actions.step(event.shiftKey ? "second" : "frame", -1, which),
      ArrowRight: () => actions.step(event.shiftKey ? "second" : "frame", 1, which),
      PageDown: () => actions.step("key", -1, which),
      PageUp: () => actions.step("key", 1, which),
      ArrowUp: () => actions.step("key", 1, which),
      ArrowDown: () => actions.step("key", -1, which),
      Home: () => actions.edge(false, which),
      End: () => actions.edge(true, which),
      ...(!target.matches("button, a") && { " ": actions.toggle, Enter: actions.play }),
    }[key.length === 1 ? key.toLowerCase() : key];
    if (!action) return;
    event.preventDefault();
    action();
  });
}
