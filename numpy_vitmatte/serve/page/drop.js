// Files that are dropped or pasted. A part of the page with data-drop takes what is dropped on it; the rest, photos.

export function listenForFiles(zone, takers) {
  const placeOf = (event) => event.target.closest?.("[data-drop]") ?? zone;
  const unmark = () => document.querySelectorAll(".over").forEach((each) => each.classList.remove("over"));
  for (const name of ["dragover", "dragleave", "drop"]) {
    document.addEventListener(name, (event) => {
      event.preventDefault();
      unmark();
      const place = placeOf(event);
      if (name === "dragover") place.classList.add("over");
      const [file] = event.dataTransfer.files;
      if (name === "drop" && file) takers[place.dataset.drop ?? "photo"](file);
    });
  }
  document.addEventListener("paste", (event) => {
    const file = [...event.clipboardData.files].find((each) => each.type.startsWith("image/"));
    if (file) takers.photo(file);
  });
}
