/* The newest message stays in sight; what was sent leaves its field. */
"use strict";
(() => {
    const screen = document.querySelector(".screen");
    if (!screen) {
        return;
    }
    const write = document.getElementById("write");
    let at_end = true;
    const down = () => { screen.scrollTop = screen.scrollHeight; };
    screen.addEventListener("scroll", () => {
        at_end = screen.scrollHeight - screen.scrollTop - screen.clientHeight < 40;
    });
    // A picture makes the conversation longer once it is there.
    screen.addEventListener("load", () => at_end && down(), true);
    document.body.addEventListener("htmx:afterSettle", () => at_end && down());
    document.body.addEventListener("written", () => {
        at_end = true;
        write.reset();
        write.elements.text.focus();
        down();
    });
    down();
})();
