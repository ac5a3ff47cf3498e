/* Choosing files on the wall: all at once, how many, and nothing to press while there are none. */
"use strict";
(() => {
    const boxes = () => [...document.querySelectorAll("#chosen [name=_selected_action]")];

    function show() {
        const form = document.getElementById("chosen");
        if (!form) return;
        const all = form.querySelector("#choose-all");
        const chosen = boxes().filter((box) => box.checked).length;
        all.closest("label").hidden = false;
        all.checked = chosen > 0 && chosen === boxes().length;
        all.indeterminate = chosen > 0 && !all.checked;
        form.querySelector("output").textContent = chosen ? `${chosen} chosen` : "";
        form.querySelectorAll("button").forEach((button) => { button.disabled = !chosen; });
    }

    document.addEventListener("change", (event) => {
        if (event.target.id === "choose-all") {
            boxes().forEach((box) => { box.checked = event.target.checked; });
        }
        if (event.target.closest("#chosen")) show();
    });
    // The wall comes anew after files were brought: what was chosen stays so.
    let kept = [];
    document.addEventListener("htmx:beforeSwap", () => {
        kept = boxes().filter((box) => box.checked).map((box) => box.value);
    });
    document.addEventListener("htmx:afterSwap", () => {
        boxes().forEach((box) => { box.checked ||= kept.includes(box.value); });
        show();
    });
    // Browsers remember what was chosen on the way back.
    window.addEventListener("pageshow", show);
    show();
})();
