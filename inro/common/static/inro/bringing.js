/* Dropping files on the library: each goes by itself, with its own progress and its own refusal. */
"use strict";
(() => {
    const form = document.getElementById("bring");
    const drop = form.querySelector(".drop");
    const picker = form.querySelector("input[type=file]");
    const address = form.querySelector("input[type=url]");
    const list = document.getElementById("brought");
    const most = Number(form.dataset.maxBytes);
    const AT_ONCE = 2;
    const waiting = [];
    let under_way = 0;
    let is_news = false;

    function line(name) {
        const item = document.createElement("li");
        const title = document.createElement("strong");
        title.textContent = name;
        item.append(title);
        list.append(item);
        return item;
    }

    function refuse(item, words) {
        const said = document.createElement("span");
        said.className = "bad";
        said.textContent = words;
        item.querySelector("progress")?.remove();
        item.querySelector("button")?.remove();
        item.append(said);
        item.className = "refused";
    }

    function words(request) {
        try {
            return JSON.parse(request.responseText).error.message;
        } catch {
            return "It could not be sent. Is the connection there? Try again.";
        }
    }

    function bring(name, fields) {
        const item = line(name);
        const progress = document.createElement("progress");
        progress.max = 1;
        progress.setAttribute("aria-label", `Progress of ${name}`);
        const cancel = document.createElement("button");
        cancel.type = "button";
        cancel.className = "button plain";
        cancel.textContent = "Cancel";
        cancel.setAttribute("aria-label", `Cancel ${name}`);
        item.append(progress, cancel);
        const start = () => send(item, progress, cancel, fields);
        cancel.addEventListener("click", () => {
            if (waiting.includes(start)) {
                waiting.splice(waiting.indexOf(start), 1);
                refuse(item, "canceled");
            }
        });
        waiting.push(start);
        next();
    }

    function next() {
        while (waiting.length && under_way < AT_ONCE) {
            under_way += 1;
            waiting.shift()();
        }
        if (!waiting.length && !under_way && is_news) {
            is_news = false;
            htmx.ajax("GET", location.href, { target: "#wall", select: "#wall", swap: "outerHTML" });
        }
    }

    function send(item, progress, cancel, fields) {
        const data = new FormData();
        for (const name of ["csrfmiddlewaretoken", "workspace", "folder_id"]) {
            data.append(name, form.elements[name].value);
        }
        data.append("fragment", "1");
        for (const [name, value] of Object.entries(fields)) {
            data.append(name, value);
        }
        const request = new XMLHttpRequest();
        request.open("POST", form.action);
        request.upload.addEventListener("progress", (event) => {
            if (event.lengthComputable) {
                progress.value = event.loaded / event.total;
            }
        });
        request.addEventListener("load", () => {
            if (request.status === 200 && request.responseURL !== form.action) {
                refuse(item, "You are signed out. Sign in, and bring it again.");
            } else if (request.status === 200) {
                item.outerHTML = request.responseText;
                is_news = true;
            } else {
                refuse(item, words(request));
            }
        });
        // What has gone over is judged and kept: it can no longer be called back.
        request.upload.addEventListener("load", () => cancel.remove());
        cancel.addEventListener("click", () => request.abort());
        request.addEventListener("abort", () => refuse(item, "canceled"));
        request.addEventListener("error", () => refuse(item, words(request)));
        request.addEventListener("loadend", () => {
            under_way -= 1;
            next();
        });
        request.send(data);
    }

    function bringAll(files) {
        for (const file of files) {
            if (file.size > most) {
                refuse(line(file.name), `The file is larger than ${most.toLocaleString("en")} bytes.`);
            } else {
                bring(file.name, { file });
            }
        }
    }

    drop.querySelector(".drop-hint").hidden = false;
    picker.addEventListener("change", () => {
        bringAll(picker.files);
        picker.value = "";
    });
    form.addEventListener("submit", (event) => {
        event.preventDefault();
        const url = address.value.trim();
        if (url) {
            bring(url, { file_url: url });
            address.value = "";
        } else {
            picker.click();
        }
    });
    // Leaving the page would break off what is on its way.
    window.addEventListener("beforeunload", (event) => {
        if (under_way) event.preventDefault();
    });
    // Anywhere on the page: beside the frame a browser would leave the page for the file.
    const has_files = (event) => event.dataTransfer.types.includes("Files");
    for (const kind of ["dragenter", "dragover"]) {
        document.addEventListener(kind, (event) => {
            if (!has_files(event)) return;
            event.preventDefault();
            drop.classList.add("over");
        });
    }
    document.addEventListener("dragleave", (event) => {
        if (!event.relatedTarget) drop.classList.remove("over");
    });
    document.addEventListener("drop", (event) => {
        drop.classList.remove("over");
        if (!has_files(event)) return;
        event.preventDefault();
        bringAll(event.dataTransfer.files);
    });
})();
