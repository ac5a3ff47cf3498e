/* Zooming the picture of a scenario, and opening the list where a node leads into it. */
"use strict";
(() => {
    const box = document.querySelector(".tree-box");
    if (!box) {
        return;
    }
    const tree = box.querySelector("svg.tree");
    const [width, height] = ["width", "height"].map((name) => Number(tree.getAttribute(name)));
    const LEAST = 0.02, MOST = 2, READABLE = 0.6;
    let scale = 1;

    function fitting() {
        const room = parseFloat(getComputedStyle(box).maxHeight) || box.clientHeight;
        return Math.min(1, box.clientWidth / width, room / height);
    }

    function zoom(wanted) {
        const middle = (box.scrollLeft + box.clientWidth / 2) / scale;
        const top = box.scrollTop / scale;
        scale = Math.min(MOST, Math.max(LEAST, wanted));
        tree.style.width = `${width * scale}px`;
        tree.style.height = `${height * scale}px`;
        box.scrollLeft = middle * scale - box.clientWidth / 2;
        box.scrollTop = top * scale;
    }

    function showBeginning() {
        const first = tree.querySelector(".tree-node").transform.baseVal[0].matrix.e;
        const card = tree.querySelector(".tree-card").width.baseVal.value;
        box.scrollLeft = (first + card / 2) * scale - box.clientWidth / 2;
        box.scrollTop = 0;
    }

    const zooms = {
        in: () => zoom(scale * 1.25),
        out: () => zoom(scale / 1.25),
        fit: () => zoom(fitting()),
        full: () => zoom(1),
    };
    for (const button of document.querySelectorAll("[data-zoom]")) {
        button.addEventListener("click", zooms[button.dataset.zoom]);
    }
    document.querySelector(".tree-zoom").hidden = false;
    // As a whole where it stays readable, else from its beginning.
    zoom(Math.max(READABLE, Math.min(1, box.clientWidth / width)));
    showBeginning();

    function open() {
        const target = location.hash && document.getElementById(location.hash.slice(1));
        const list = target && target.closest("details");
        if (list) {
            list.open = true;
            target.scrollIntoView({ block: "nearest" });
        }
    }
    addEventListener("hashchange", open);
    tree.addEventListener("click", () => setTimeout(open));
    open();
})();
