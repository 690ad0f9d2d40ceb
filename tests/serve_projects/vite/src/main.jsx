import { useEffect, useState } from "react";
import { createRoot } from "react-dom/client";
import "./style.css";

function App() {
  const [told, setTold] = useState("asking");
  const [count, setCount] = useState(0);
  useEffect(() => {
    fetch("/api/place").then((answer) => answer.json()).then(({ place }) => setTold(place));
  }, []);
  return (
    <main>
      <h1>At {location.pathname}</h1>
      <p id="told">{told}</p>
      <button onClick={() => setCount(count + 1)}>{count}</button>
    </main>
  );
}

createRoot(document.getElementById("root")).render(<App />);
